//! What is being done, on a terminal, if it takes long.

use std::io::{IsTerminal as _, Write as _};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

/// Shorter work shows nothing.
const PATIENCE: Duration = Duration::from_millis(800);

/// A line that appears if the work takes long, and goes when it ends.
pub(crate) struct Progress {
    done: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Starts work that is called `what`, such as `reading the node`.
    pub(crate) fn start(what: &'static str) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self { done: None };
        }
        let (sender, receiver) = mpsc::channel::<()>();
        let thread = std::thread::Builder::new()
            .name("progress".to_owned())
            .spawn(move || {
                if receiver.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                    let mut stderr = std::io::stderr();
                    // A terminal that is gone needs no progress.
                    let _ = write!(stderr, "nodepol: {what} …");
                    let _ = receiver.recv();
                    let _ = write!(stderr, "\r\x1b[K");
                }
            });
        Self {
            done: thread.ok().map(|thread| (sender, thread)),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.done.take() {
            drop(sender);
            // It has nothing to say that anybody waits for.
            let _ = thread.join();
        }
    }
}
