//! Why a runtime could not be asked.

use std::time::Duration;

use nodepol_model::cri::CriRefusal;

/// A conversation that came to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// No socket is there, or one on which nobody listens.
    #[error("nobody listens there")]
    Nobody,
    /// connect(2) failed.
    #[error("cannot connect: {0}")]
    Connect(std::io::Error),
    /// Not a `unix://` URL with an absolute path.
    #[error("only sockets with an absolute path are asked")]
    NoPath,
    /// What answers speaks no HTTP/2.
    #[error("it speaks no HTTP/2: {0}")]
    Http2(#[from] h2::Error),
    /// A head that HTTP does not allow.
    #[error("the request cannot be made: {0}")]
    Head(#[from] http::Error),
    /// What answers speaks HTTP/2, and no gRPC.
    #[error("it speaks no gRPC: {0}")]
    Protocol(String),
    /// A response of another type.
    #[error("its response cannot be read: {0}")]
    Decode(#[from] prost::DecodeError),
    /// A request that does not fit.
    #[error("the request cannot be written: {0}")]
    Encode(#[from] prost::EncodeError),
    /// A response that nobody wants to hold.
    #[error("its response is larger than 1 MiB")]
    TooLarge,
    /// It hung up.
    #[error("it closed the connection")]
    Closed,
    /// It took too long.
    #[error("it did not answer within {0:?}")]
    Late(Duration),
}

impl Failure {
    /// The gRPC status that a client gives for it (`doc/statuscodes.md` of gRPC).
    pub(super) fn status(&self) -> CriRefusal {
        let code = match self {
            Self::Late(_) => "DeadlineExceeded",
            Self::Nobody | Self::Connect(_) | Self::Http2(_) | Self::Closed => "Unavailable",
            Self::TooLarge => "ResourceExhausted",
            Self::NoPath
            | Self::Head(_)
            | Self::Protocol(_)
            | Self::Decode(_)
            | Self::Encode(_) => "Internal",
        };
        CriRefusal {
            code: code.to_owned(),
            message: self.to_string(),
        }
    }
}
