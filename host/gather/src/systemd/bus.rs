//! A connection that can be waited for only so long.
//!
//! zbus bounds neither its handshake nor, by default, its calls, and a peer
//! that breaks the protocol can stop its executor without the caller ever
//! hearing of it. So the connection lives on a thread of its own and whoever
//! asks waits on a channel. A thread that does not answer in time is left
//! behind: it holds a socket and nothing else, and ends with the process.

use std::sync::OnceLock;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use zbus::blocking::{Connection, connection};
use zbus::message::Message;

use super::failure::Failure;

/// Larger answers are refused before they are taken apart: what systemd says of
/// one unit is some 20 KiB, a list of 10 000 units 3 MiB.
const MAX_ANSWER: usize = 8 << 20;

type Job = Box<dyn FnOnce(&Connection) + Send>;

/// A connection on a thread of its own.
pub(super) struct Bus {
    address: String,
    deadline: Duration,
    jobs: Sender<Job>,
    /// Why nobody answers any more. Once it is set no call waits again, so a
    /// bus that hangs costs one deadline and not one for each unit.
    lost: OnceLock<Failure>,
}

impl Bus {
    /// Connects to `address`, a D-Bus address of the `unix` transport.
    ///
    /// # Errors
    /// [`Failure`] if there is no such bus, it refuses, speaks something else,
    /// or has not said who we are before `deadline` is over.
    pub(super) fn open(address: &str, deadline: Duration) -> Result<Self, Failure> {
        // `unixexec:` would run a program, `tcp:` would leave the node.
        if !address.starts_with("unix:") {
            return Err(Failure::Address(address.to_owned()));
        }
        let (jobs, inbox) = mpsc::channel::<Job>();
        let (ready, connected) = mpsc::channel();
        let target = address.to_owned();
        thread::Builder::new()
            .name("nodepol-dbus".to_owned())
            .spawn(move || {
                // Longer than anybody waits: only so that a thread that was left
                // behind ends some day.
                let connection = connection::Builder::address(target.as_str())
                    .and_then(|builder| builder.method_timeout(deadline * 2).build());
                let connection = match connection {
                    Ok(connection) => connection,
                    Err(error) => {
                        // Nobody listens any more if the deadline is over.
                        let _ = ready.send(Err(Failure::from_zbus(error, &target)));
                        return;
                    }
                };
                if ready.send(Ok(())).is_ok() {
                    for job in inbox {
                        job(&connection);
                    }
                }
            })
            .map_err(|error| Failure::Thread(error.to_string()))?;
        match connected.recv_timeout(deadline) {
            Ok(outcome) => outcome?,
            Err(error) => return Err(Self::silence(error, address, deadline)),
        }
        Ok(Self {
            address: address.to_owned(),
            deadline,
            jobs,
            lost: OnceLock::new(),
        })
    }

    /// The address that it is connected to.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// How long one answer may take.
    pub(super) fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Calls a method and gives its answer to `take` on the connection's thread.
    ///
    /// # Errors
    /// [`Failure`]: an error that the peer answered; an answer that is too
    /// large or that `take` cannot use; no answer before the deadline, or
    /// before `until` if that comes first. After the last, every call fails
    /// at once.
    pub(super) fn call<B, T>(
        &self,
        call: Call<B>,
        until: Instant,
        take: impl FnOnce(&Message) -> zbus::Result<T> + Send + 'static,
    ) -> Result<T, Failure>
    where
        B: serde::Serialize + zbus::zvariant::DynamicType + Send + 'static,
        T: Send + 'static,
    {
        if let Some(failure) = self.lost.get() {
            return Err(failure.clone());
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(self.lose(Failure::Slow(self.address.clone())));
        }
        let (answer, answered) = mpsc::channel();
        let address = self.address.clone();
        let method = call.method;
        let job: Job = Box::new(move |connection| {
            let outcome = connection
                .call_method(
                    Some(call.destination),
                    call.path.as_str(),
                    Some(call.interface),
                    call.method,
                    &call.body,
                )
                .map_err(|error| Failure::from_zbus(error, &address))
                .and_then(|message| {
                    if message.body().len() > MAX_ANSWER {
                        return Err(Failure::Large(method));
                    }
                    take(&message).map_err(|error| Failure::answer(method, &error))
                });
            let _ = answer.send(outcome);
        });
        if self.jobs.send(job).is_err() {
            return Err(self.lose(Failure::Closed(self.address.clone())));
        }
        let wait = self.deadline.min(left);
        match answered.recv_timeout(wait) {
            Ok(Err(failure)) if failure.is_final() => Err(self.lose(failure)),
            Ok(outcome) => outcome,
            Err(error) => Err(self.lose(Self::silence(error, &self.address, wait))),
        }
    }

    fn lose(&self, failure: Failure) -> Failure {
        self.lost.get_or_init(|| failure).clone()
    }

    /// What it means that the channel gave nothing.
    fn silence(error: RecvTimeoutError, address: &str, waited: Duration) -> Failure {
        match error {
            RecvTimeoutError::Timeout => Failure::Silent {
                address: address.to_owned(),
                waited,
            },
            // The thread is gone: zbus panicked on what the peer sent.
            RecvTimeoutError::Disconnected => Failure::Garbage {
                address: address.to_owned(),
                detail: "its answer cannot be read".to_owned(),
            },
        }
    }
}

/// A call of one method.
pub(super) struct Call<B> {
    /// The name on the bus.
    pub(super) destination: &'static str,
    /// The object.
    pub(super) path: String,
    /// The interface of the method.
    pub(super) interface: &'static str,
    /// The method.
    pub(super) method: &'static str,
    /// Its arguments.
    pub(super) body: B,
}
