//! A connection that can be waited for only so long.
//!
//! zbus bounds neither its handshake nor, by default, its calls, and a peer
//! that breaks the protocol can stop its executor without the caller ever
//! hearing of it. So the connection lives on a thread of its own and whoever
//! asks waits on a channel. When time is up the socket is shut down under the
//! thread, which ends it; nobody waits for that.
//!
//! All of zbus runs on that one thread, in a runtime that starts no other, so
//! that whoever drops rights can drop them there as well: see [`Bus::run`].

use std::net::Shutdown;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{self, Runtime};
use zbus::address::transport::{Transport, UnixSocket};
use zbus::message::Message;
use zbus::{Connection, connection};

use super::failure::Failure;

/// Larger answers are refused before they are taken apart: what systemd says of
/// one unit is some 20 KiB, a list of 10 000 units 3 MiB.
const MAX_ANSWER: usize = 8 << 20;
/// Nobody waits longer for one answer, whatever is asked for.
const MAX_DEADLINE: Duration = Duration::from_secs(3600);

type Job = Box<dyn FnOnce(&Runtime, &Connection) + Send>;

/// A connection on a thread of its own.
pub(super) struct Bus {
    address: String,
    deadline: Duration,
    jobs: Sender<Job>,
    /// The socket of the connection, once there is one.
    socket: Arc<OnceLock<UnixStream>>,
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
        let target = socket_address(address)?;
        // So that no sum of times can overflow.
        let deadline = deadline.min(MAX_DEADLINE);
        let socket = Arc::new(OnceLock::new());
        let (jobs, inbox) = mpsc::channel::<Job>();
        let (ready, connected) = mpsc::channel();
        let bus = Self {
            address: address.to_owned(),
            deadline,
            jobs,
            socket: Arc::clone(&socket),
            lost: OnceLock::new(),
        };
        let address = address.to_owned();
        thread::Builder::new()
            .name("nodepol-dbus".to_owned())
            .spawn(move || match connect(&target, &socket) {
                // Nobody listens any more if the deadline is over.
                Err(error) => drop(ready.send(Err(Failure::from_zbus(error, &address)))),
                Ok((runtime, connection)) => {
                    if ready.send(Ok(())).is_ok() {
                        let jobs = inbox.into_iter();
                        jobs.for_each(|job| job(&runtime, &connection));
                    }
                    // Its end is told to the runtime.
                    let _inside = runtime.enter();
                    drop(connection);
                }
            })
            .map_err(|error| Failure::Thread(error.to_string()))?;
        match connected.recv_timeout(deadline) {
            Ok(Ok(())) => Ok(bus),
            Ok(Err(failure)) => Err(failure),
            Err(error) => Err(bus.lose(bus.silence(error, deadline))),
        }
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
        let job: Job = Box::new(move |runtime, connection| {
            let outcome = runtime
                .block_on(connection.call_method(
                    Some(call.destination),
                    call.path.as_str(),
                    Some(call.interface),
                    call.method,
                    &call.body,
                ))
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
            // It may have been about to answer.
            Err(RecvTimeoutError::Timeout) if wait < self.deadline => {
                Err(self.lose(Failure::Slow(self.address.clone())))
            }
            Err(error) => Err(self.lose(self.silence(error, wait))),
        }
    }

    /// Runs `work` on the connection's thread, the only one that there is. Whether
    /// it was done: a connection that is lost has a thread that ends by itself.
    pub(super) fn run(&self, work: impl FnOnce() + Send + 'static) -> bool {
        if self.lost.get().is_some() {
            return false;
        }
        let (done, waiting) = mpsc::channel();
        let job: Job = Box::new(move |_, _| {
            work();
            let _ = done.send(());
        });
        if self.jobs.send(job).is_err() {
            self.lose(Failure::Closed(self.address.clone()));
            return false;
        }
        match waiting.recv_timeout(self.deadline) {
            Ok(()) => true,
            Err(error) => {
                self.lose(self.silence(error, self.deadline));
                false
            }
        }
    }

    /// Gives the connection up. Its thread is woken by the end of its socket.
    fn lose(&self, failure: Failure) -> Failure {
        if let Some(socket) = self.socket.get() {
            // It may have been closed already, by the peer.
            let _ = socket.shutdown(Shutdown::Both);
        }
        self.lost.get_or_init(|| failure).clone()
    }

    /// What it means that the thread said nothing.
    fn silence(&self, error: RecvTimeoutError, waited: Duration) -> Failure {
        let address = self.address.clone();
        match error {
            RecvTimeoutError::Timeout => Failure::Silent { address, waited },
            // The thread is gone: zbus panicked on what the peer sent.
            RecvTimeoutError::Disconnected => Failure::Garbage {
                address,
                detail: "its answer cannot be read".to_owned(),
            },
        }
    }
}

/// The socket that a D-Bus address names. Other transports than `unix` are
/// refused: `unixexec:` would run a program, `tcp:` would leave the node.
fn socket_address(address: &str) -> Result<SocketAddr, Failure> {
    let refused = || Failure::Address(address.to_owned());
    let parsed: zbus::Address = address.parse().map_err(|_| refused())?;
    let Transport::Unix(unix) = parsed.transport() else {
        return Err(refused());
    };
    match unix.path() {
        UnixSocket::File(path) => SocketAddr::from_pathname(path),
        UnixSocket::Abstract(name) => SocketAddr::from_abstract_name(name.as_encoded_bytes()),
        _ => return Err(refused()),
    }
    .map_err(|_| refused())
}

/// Connects, and leaves a second handle to the socket in `socket` before the
/// first byte is exchanged.
fn connect(
    target: &SocketAddr,
    socket: &OnceLock<UnixStream>,
) -> zbus::Result<(Runtime, Connection)> {
    let stream = UnixStream::connect_addr(target)?;
    let _ = socket.set(stream.try_clone()?);
    stream.set_nonblocking(true)?;
    let runtime = runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()?;
    let connection = runtime.block_on(async {
        let stream = tokio::net::UnixStream::from_std(stream)?;
        connection::Builder::unix_stream(stream).build().await
    })?;
    Ok((runtime, connection))
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
