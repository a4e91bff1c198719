//! A door to the engine that holds one request back: Ctrl-C at the worst moment.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::spawn;

/// The real engine, behind a door that holds the first request with certain words back until it is told to go on.
pub struct HeldEngine {
    socket: PathBuf,
    /// The request is there, and is held.
    pub reached: Receiver<()>,
    /// Lets it go on.
    pub go_on: Sender<()>,
    /// The engine has answered it.
    pub answered: Receiver<()>,
}

/// The door's side of those channels.
struct Hold {
    words: &'static str,
    reached: Sender<()>,
    go_on: Receiver<()>,
    answered: Sender<()>,
}

impl HeldEngine {
    /// Holds the first request that has `words` in its first line.
    pub fn before(words: &'static str) -> HeldEngine {
        let name = format!(
            "engine-{}-{}.sock",
            std::process::id(),
            words.trim().trim_matches('/').replace('/', "-")
        );
        let socket = std::env::temp_dir().join(name);
        let listener = UnixListener::bind(&socket).unwrap();
        let ((reached, is_reached), (go_on, may_go_on), (answered, is_answered)) =
            (channel(), channel(), channel());
        let hold = Arc::new(Mutex::new(Some(Hold { words, reached, go_on: may_go_on, answered })));
        spawn(move || {
            for client in listener.incoming() {
                let (client, hold) = (client.unwrap(), hold.clone());
                spawn(move || pass(&client, &UnixStream::connect(engine()).unwrap(), &hold));
            }
        });
        HeldEngine { socket, reached: is_reached, go_on, answered: is_answered }
    }

    /// What `DOCKER_HOST` is to be.
    pub fn address(&self) -> String {
        format!("unix://{}", self.socket.display())
    }
}

impl Drop for HeldEngine {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.socket);
    }
}

fn engine() -> String {
    let named =
        std::env::var("DOCKER_HOST").ok().and_then(|host| Some(host.strip_prefix("unix://")?.to_owned()));
    named.unwrap_or_else(|| "/var/run/docker.sock".to_owned())
}

/// Passes one connection on, in both directions. What a client has sent reaches the engine, whether the client lives or not.
fn pass(client: &UnixStream, engine: &UnixStream, hold: &Mutex<Option<Hold>>) {
    let (mut from_engine, mut to_client) = (engine.try_clone().unwrap(), client.try_clone().unwrap());
    let (tell, told) = channel::<Sender<()>>();
    let answers = spawn(move || {
        let mut bytes = [0; 16 << 10];
        while let Ok(1..) =
            from_engine.read(&mut bytes).inspect(|read| _ = to_client.write_all(&bytes[..*read]))
        {
            if let Ok(answered) = told.try_recv() {
                answered.send(()).unwrap();
            }
        }
        let _ = to_client.shutdown(Shutdown::Both);
    });
    let (mut from_client, mut to_engine) = (client, engine);
    let mut bytes = [0; 16 << 10];
    while let Ok(read @ 1..) = from_client.read(&mut bytes) {
        let request = String::from_utf8_lossy(&bytes[..read]);
        let held = hold.lock().unwrap().take_if(|hold| request.contains(hold.words));
        if let Some(hold) = held {
            hold.reached.send(()).unwrap();
            hold.go_on.recv().unwrap();
            tell.send(hold.answered).unwrap();
        }
        if to_engine.write_all(&bytes[..read]).is_err() {
            break;
        }
    }
    // A client that is gone leaves its last request behind: the engine is to answer it all the same.
    drop(tell);
    answers.join().unwrap();
}
