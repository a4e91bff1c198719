//! A headless Chromium that a test owns: it ends with the test, and its profile goes with it.

use std::ffi::OsStr;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::devtools::DevTools;

/// Whatever the distributions call it.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// A running browser with one page.
pub struct Browser {
    /// The conversation with its page.
    pub devtools: DevTools,
    process: Child,
    /// Its home, too: what it writes for its user is gone with the test.
    _profile: TempDir,
}

impl Browser {
    /// Starts one.
    ///
    /// # Panics
    /// When there is none, with the mend.
    pub fn start() -> Browser {
        let program =
            find(&std::env::var_os("PATH").unwrap_or_default()).unwrap_or_else(|mend| panic!("{mend}"));
        let profile =
            tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the target folder takes a profile");
        let words = File::create(profile.path().join("stderr")).expect("a new folder takes a file");
        // The browser reads requests from descriptor 3 and writes answers to 4.
        let mut process = Command::new("sh")
            .args(["-c", r#"exec 3<&0 4>&1 </dev/null >/dev/null; exec "$@""#, "sh"])
            .arg(program)
            .args(["--headless", "--remote-debugging-pipe", "--disable-gpu", "--disable-dev-shm-usage"])
            // It opens our own pages only, and a sandbox of its own is not to be had in most containers.
            .arg("--no-sandbox")
            // A page that asks the network for anything gets nothing, and the test sees that it asked. A test's own
            // servers listen on 127.0.0.1.
            .arg("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
            .arg("--disable-background-networking")
            .args(["--no-first-run", "--disable-extensions", "--disable-component-update", "--disable-sync"])
            .args(["--force-color-profile=srgb", "--hide-scrollbars", "--lang=en"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .env("HOME", profile.path())
            .env("TMPDIR", profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(words)
            .spawn()
            .expect("every Unix has sh");
        let (requests, answers) = (process.stdin.take(), process.stdout.take());
        let devtools = DevTools::new(requests.expect("it is piped"), answers.expect("it is piped"));
        let mut browser = Browser { devtools, process, _profile: profile };
        browser.devtools.attach();
        browser
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.devtools.close(Duration::from_secs(10)) {
            _ = self.process.kill();
        }
        _ = self.process.wait();
    }
}

/// The browser in the folders of `path`, or what to do.
fn find(path: &OsStr) -> Result<PathBuf, String> {
    let folders: Vec<PathBuf> = std::env::split_paths(path).collect();
    let mut candidates = NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    candidates.find(|candidate| candidate.is_file()).ok_or_else(|| {
        format!(
            "the book's browser tests need Chromium, and PATH has none of {}. Debian: apt-get install chromium",
            NAMES.join(", ")
        )
    })
}

#[test]
fn a_missing_browser_is_said_with_its_mend() {
    let empty = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mend = find(empty.path().as_os_str()).unwrap_err();
    assert!(mend.contains("apt-get install chromium"), "{mend}");
}

#[test]
fn a_browser_ends_with_its_test_and_takes_its_profile_along() {
    let (profile, process) = {
        let browser = Browser::start();
        (browser._profile.path().to_owned(), PathBuf::from(format!("/proc/{}", browser.process.id())))
    };
    assert!(!profile.exists(), "{} is still there", profile.display());
    assert!(!process.exists(), "{} is still there", process.display());
}
