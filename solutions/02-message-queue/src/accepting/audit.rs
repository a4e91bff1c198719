//! The audit log: one line for each accepted post, on the disk before its answer leaves.
//!
//! `fsync` is slow, and as slow for a hundred lines as for one. So one writer takes what has
//! gathered while it was busy, writes it at once, and tells all who wait: the busier, the fewer
//! writes a line.

use std::{
    error::Error,
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::Path,
    sync::Arc,
    thread,
};

use direct_write::post::Post;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    sync::{mpsc, oneshot},
};

use crate::wire::message;

/// How many lines may wait for the writer, and how many it writes at once.
const GATHERED: usize = 1024;

/// The audit log, open for appending. Clones share its writer.
#[derive(Clone, Debug)]
pub struct Journal {
    lines: mpsc::Sender<Line>,
}

/// A line, and who waits for it.
#[derive(Debug)]
struct Line {
    text: Vec<u8>,
    written: oneshot::Sender<Result<(), JournalError>>,
}

impl Journal {
    /// Opens the file, or makes it. What is in it stays.
    ///
    /// # Errors
    /// The file cannot be opened for reading and appending, or is none (a pipe).
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut file = Appender::open(path)?;
        let (lines, mut waiting) = mpsc::channel(GATHERED);
        // A thread, for it blocks. It ends with the last clone of the journal; nobody who waits is
        // left behind, since each holds one.
        thread::Builder::new().name("audit-log".to_owned()).spawn(move || {
            let mut gathered = Vec::new();
            while waiting.blocking_recv_many(&mut gathered, GATHERED) > 0 {
                append_all(&mut file, &mut gathered);
            }
        })?;
        Ok(Self { lines })
    }

    /// Appends a post. When this returns `Ok`, its line survives a crash of the machine.
    ///
    /// # Errors
    /// After an error the line may be in the file or not.
    // ANCHOR: append
    pub async fn append(&self, post: &Post) -> Result<(), JournalError> {
        // ANCHOR: hole-append
        let mut text = message::encode(post).map_err(JournalError::new)?;
        text.push(b'\n');

        let (written, done) = oneshot::channel();
        let gone = || JournalError::new("its writer is gone");
        self.lines.send(Line { text, written }).await.map_err(|_| gone())?;
        done.await.map_err(|_| gone())?
        // ANCHOR_END: hole-append
    }
    // ANCHOR_END: append
}

/// Group commit: one write and one sync for all that has gathered.
// ANCHOR: group_commit
fn append_all(file: &mut Appender, gathered: &mut Vec<Line>) {
    let text: Vec<u8> = gathered.iter().flat_map(|line| &line.text).copied().collect();
    let outcome = file.append(&text).map_err(JournalError::new);
    for line in gathered.drain(..) {
        let _ = line.written.send(outcome.clone()); // Its request may be gone.
    }
}
// ANCHOR_END: group_commit

/// A file of whole lines.
#[derive(Debug)]
struct Appender {
    file: File,
}

impl Appender {
    fn open(path: &Path) -> io::Result<Self> {
        let mut appender = Self { file: OpenOptions::new().read(true).append(true).create(true).open(path)? };
        // What has no end to look at (a pipe) is refused now, and not with each post.
        appender.is_torn()?;
        // A new file survives a crash of the machine when its folder has been written, too.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(appender)
    }

    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        // A torn line gets its end, or it would take the next one along.
        let text = if self.is_torn()? { &[b"\n", lines].concat() } else { lines };
        self.file.write_all(text)?;
        self.file.sync_data()
    }

    /// Whether the last line has no end: a crash or a full disk has cut it off, of this process or
    /// of another that appends to the same file.
    fn is_torn(&mut self) -> io::Result<bool> {
        let mut last = [b'\n'];
        if self.file.seek(SeekFrom::End(0))? > 0 {
            self.file.seek(SeekFrom::End(-1))?;
            self.file.read_exact(&mut last)?;
        }
        Ok(last != [b'\n'])
    }
}

/// Reads the posts of an audit log.
#[derive(Debug)]
pub struct Reader {
    file: BufReader<tokio::fs::File>,
    line: u64,
}

impl Reader {
    /// Opens the file.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub async fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { file: BufReader::new(tokio::fs::File::open(path).await?), line: 0 })
    }

    /// The next post; `None` at the end. What is no post (a line that a crash has torn) is skipped,
    /// and said in the log.
    ///
    /// # Errors
    /// The file cannot be read on.
    pub async fn next(&mut self) -> io::Result<Option<Post>> {
        loop {
            let mut text = Vec::new();
            if self.file.read_until(b'\n', &mut text).await? == 0 {
                return Ok(None);
            }
            self.line += 1;
            match message::decode(&text) {
                Ok(post) => return Ok(Some(post)),
                Err(reason) => tracing::warn!(line = self.line, "skipped a line of the audit log: {reason}"),
            }
        }
    }
}

/// Why a line is not in the audit log. Its text is for the log, never for an answer.
/// All who wait for one write are told the same.
#[derive(Clone, Debug, thiserror::Error)]
#[error("failed to append to the audit log: {0}")]
pub struct JournalError(#[source] Arc<dyn Error + Send + Sync>);

impl JournalError {
    fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(cause.into().into())
    }
}

#[cfg(test)]
mod tests {
    use direct_write::post::{Content, NewPost};

    use super::*;

    fn post(text: &str) -> Post {
        Post::accept(NewPost { content: Content::try_from(text.to_owned()).expect("valid") })
    }

    async fn read_all(path: &Path) -> Vec<Post> {
        let mut reader = Reader::open(path).await.expect("readable");
        let mut posts = Vec::new();
        while let Some(post) = reader.next().await.expect("readable") {
            posts.push(post);
        }
        posts
    }

    #[tokio::test]
    async fn an_appended_post_is_in_the_file_and_what_was_there_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("audit.log");
        let posts = [post("one"), post("two\nlines"), post("three")];
        for post in &posts {
            let journal = Journal::open(&path).expect("writable");
            journal.append(post).await.expect("appended");
            assert!(read_all(&path).await.contains(post), "before `append` has returned");
        }
        assert_eq!(read_all(&path).await, posts);
    }

    #[tokio::test]
    async fn many_at_once_have_a_line_each() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("audit.log");
        let journal = Journal::open(&path).expect("writable");
        let tasks: tokio::task::JoinSet<_> = (0..3 * GATHERED)
            .map(|n| (journal.clone(), post(&n.to_string())))
            .map(|(journal, post)| async move { journal.append(&post).await })
            .collect();
        assert!(tasks.join_all().await.iter().all(Result::is_ok));
        assert_eq!(read_all(&path).await.len(), 3 * GATHERED);
    }

    #[tokio::test]
    async fn a_torn_line_takes_no_other_along() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("audit.log");
        let (before, after) = (post("before"), post("after"));
        Journal::open(&path).expect("writable").append(&before).await.expect("appended");
        OpenOptions::new()
            .append(true)
            .open(&path)
            .expect("there")
            .write_all(b"{\"id\":\"0199")
            .expect("torn");

        Journal::open(&path).expect("writable").append(&after).await.expect("appended");
        assert_eq!(read_all(&path).await, [before, after]);
    }

    #[test]
    fn a_full_disk_is_an_error() {
        if let Ok(mut full) = Appender::open(Path::new("/dev/full")) {
            assert!(full.append(b"{}\n").is_err());
        }
    }
}
