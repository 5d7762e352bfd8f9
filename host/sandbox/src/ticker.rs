//! The thread that counts wall-clock time for every running component.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use wasmtime::Engine;

/// How long one epoch is.
const TICK: Duration = Duration::from_millis(10);

/// The thread needs next to no stack.
const STACK: usize = 64 << 10;

/// Increments the engine's epoch until it is dropped.
#[derive(Debug)]
pub(crate) struct Ticker {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    pub(crate) fn start(engine: &Engine) -> std::io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let engine = engine.weak();
        let thread = std::thread::Builder::new()
            .name("nodepol-epochs".to_owned())
            .stack_size(STACK)
            .spawn(move || {
                while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                    match engine.upgrade() {
                        Some(engine) => engine.increment_epoch(),
                        None => break,
                    }
                }
            })?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// How many epochs `time` is, at least one full one.
    pub(crate) fn epochs(time: Duration) -> u64 {
        u64::try_from(time.as_millis().div_ceil(TICK.as_millis()))
            .unwrap_or(u64::MAX / 2)
            .min(u64::MAX / 2)
            + 1
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It cannot have panicked in a way that matters here.
            let _ = thread.join();
        }
    }
}
