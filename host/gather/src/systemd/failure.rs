//! Why systemd could not be asked, in words that say what to do next.

use std::io::ErrorKind;
use std::time::Duration;

use nodepol_model::Unavailable;
use zbus::zvariant;

/// Longer texts from the bus are cut.
const MAX_TEXT: usize = 300;

/// A question that got no usable answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    /// Not an address that this reads from.
    #[error(
        "{0:?} is not an address of a local bus; give one such as unix:path=/run/dbus/system_bus_socket"
    )]
    Address(String),
    /// Not the name of a unit.
    #[error(
        "{0:?} is not the name of a unit; one has a type, as in kubelet.service, and no blank or slash"
    )]
    Name(String),
    /// No socket there.
    #[error(
        "there is no D-Bus system bus at {0}: dbus is not running, or nodepol sees another \
         machine's /run (a container?); run it on the node itself, and see `systemctl status dbus`"
    )]
    NoBus(String),
    /// A socket that nobody serves.
    #[error("nobody answers at {0}: dbus is down; see `systemctl status dbus`")]
    Refused(String),
    /// The file system or the bus says no.
    #[error("not allowed to ask the bus at {address} ({detail}); run nodepol as root")]
    Denied { address: String, detail: String },
    /// Connected, but PID 1 is something else.
    #[error(
        "no systemd on the bus at {0}: PID 1 of this machine is not systemd, \
         or it has lost its connection (`systemctl daemon-reexec` brings it back)"
    )]
    NoSystemd(String),
    /// No answer in time.
    #[error(
        "the bus at {address} did not answer within {} s; see `systemctl status dbus`, and try again",
        waited.as_secs_f64()
    )]
    Silent { address: String, waited: Duration },
    /// Every answer in time, all of them together not.
    #[error(
        "the bus at {0} answers too slowly to read every unit; try again when the node is less busy"
    )]
    Slow(String),
    /// The peer went away.
    #[error("the bus at {0} closed the connection; see `systemctl status dbus`, and try again")]
    Closed(String),
    /// The peer speaks something else.
    #[error("what listens at {address} does not speak D-Bus as systemd does: {detail}")]
    Garbage { address: String, detail: String },
    /// An answer of a type that the method does not have.
    #[error("the answer to {method} is not what systemd answers: {detail}")]
    Answer {
        method: &'static str,
        detail: String,
    },
    /// An answer that is not worth its memory.
    #[error("the answer to {0} is larger than 8 MiB; it was not read")]
    Large(&'static str),
    /// An error that the peer answered.
    #[error("systemd says {name}: {detail}")]
    Method { name: String, detail: String },
    /// No thread to ask from.
    #[error("no thread could be started to ask from: {0}; see `ulimit -u`")]
    Thread(String),
    /// Anything else.
    #[error("the bus at {address} could not be asked: {detail}")]
    Other { address: String, detail: String },
}

impl Failure {
    /// What an error of zbus means.
    pub(super) fn from_zbus(error: zbus::Error, address: &str) -> Self {
        let address = address.to_owned();
        match error {
            zbus::Error::Address(_) => Self::Address(clean(&address)),
            zbus::Error::Connection(error, _) | zbus::Error::InputOutput(error) => {
                Self::from_io(&error, address)
            }
            zbus::Error::Handshake(detail) => Self::Garbage {
                address,
                detail: clean(&detail),
            },
            zbus::Error::MethodError(name, detail, _) => Self::from_method(
                name.as_str(),
                detail.as_deref().unwrap_or_default(),
                address,
            ),
            zbus::Error::FDO(error) => match *error {
                zbus::fdo::Error::ZBus(error) => match error {
                    // No second level: zbus does not wrap it further.
                    zbus::Error::InputOutput(error) => Self::from_io(&error, address),
                    error => Self::Other {
                        address,
                        detail: clean(&error.to_string()),
                    },
                },
                error => {
                    use zbus::DBusError as _;
                    Self::from_method(
                        error.name().as_str(),
                        error.description().unwrap_or_default(),
                        address,
                    )
                }
            },
            error @ (zbus::Error::InvalidReply
            | zbus::Error::InvalidField
            | zbus::Error::ExcessData
            | zbus::Error::IncorrectEndian
            | zbus::Error::MissingField
            | zbus::Error::InvalidSerial
            | zbus::Error::InvalidGUID
            | zbus::Error::Variant(_)
            | zbus::Error::Names(_)) => Self::Garbage {
                address,
                detail: clean(&error.to_string()),
            },
            error => Self::Other {
                address,
                detail: clean(&error.to_string()),
            },
        }
    }

    /// An answer to `method` that could not be used.
    pub(super) fn answer(method: &'static str, error: &zbus::Error) -> Self {
        let detail = match error {
            zbus::Error::Variant(zvariant::Error::SignatureMismatch(found, wanted)) => {
                format!("it has the type \"{found}\", {wanted}")
            }
            error => error.to_string(),
        };
        Self::Answer {
            method,
            detail: clean(&detail),
        }
    }

    fn from_io(error: &std::io::Error, address: String) -> Self {
        match error.kind() {
            ErrorKind::NotFound => Self::NoBus(address),
            ErrorKind::ConnectionRefused => Self::Refused(address),
            ErrorKind::PermissionDenied => Self::Denied {
                address,
                detail: "permission denied".to_owned(),
            },
            ErrorKind::BrokenPipe
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::NotConnected
            | ErrorKind::UnexpectedEof => Self::Closed(address),
            _ => Self::Other {
                address,
                detail: clean(&error.to_string()),
            },
        }
    }

    fn from_method(name: &str, detail: &str, address: String) -> Self {
        let short = name
            .strip_prefix("org.freedesktop.DBus.Error.")
            .unwrap_or(name);
        match short {
            "AccessDenied" | "AuthFailed" | "InteractiveAuthorizationRequired" => Self::Denied {
                address,
                detail: clean(detail),
            },
            "Disconnected" => Self::Closed(address),
            "ServiceUnknown" | "NameHasNoOwner" => Self::NoSystemd(address),
            _ if short.starts_with("Spawn.") => Self::NoSystemd(address),
            _ => Self::Method {
                name: clean(short),
                detail: clean(detail),
            },
        }
    }

    /// Whether the connection is of no use after it.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::Silent { .. }
            | Self::Slow(_)
            | Self::Closed(_)
            | Self::Garbage { .. }
            | Self::NoSystemd(_)
            | Self::Other { .. } => true,
            Self::Address(_)
            | Self::Name(_)
            | Self::NoBus(_)
            | Self::Refused(_)
            | Self::Denied { .. }
            | Self::Answer { .. }
            | Self::Large(_)
            | Self::Method { .. }
            | Self::Thread(_) => false,
        }
    }

    /// Whether systemd itself has answered that what was asked for does not
    /// exist or has no such state, as opposed to not having answered.
    pub(super) fn is_no(&self) -> bool {
        match self {
            Self::Method { name, .. } => !matches!(
                name.as_str(),
                "NoReply"
                    | "Timeout"
                    | "TimedOut"
                    | "NoMemory"
                    | "LimitsExceeded"
                    | "IOError"
                    | "Failed"
            ),
            _ => false,
        }
    }

    /// As the model says it.
    pub(super) fn unavailable(&self) -> Unavailable {
        Unavailable::new("systemd over D-Bus", self.to_string())
    }
}

/// A text of the bus without control characters, and not too long.
fn clean(text: &str) -> String {
    let mut cleaned: String = text
        .chars()
        .take(MAX_TEXT)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.chars().nth(MAX_TEXT).is_some() {
        cleaned.push('…');
    }
    cleaned
}
