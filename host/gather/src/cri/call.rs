//! One unary call of gRPC.
//!
//! Source: `doc/PROTOCOL-HTTP2.md` of gRPC.

use bytes::{BufMut as _, Bytes, BytesMut};
use h2::client::SendRequest;
use http::{HeaderMap, Request};
use nodepol_model::cri::{CriRefusal, CriReply};
use prost::Message;

use super::failure::Failure;
use crate::redact;

/// Larger answers are refused: a verbose `Status` of containerd is some 20 KiB.
const MAX_ANSWER: usize = 1 << 20;
/// The prefix of a message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// The names of the codes of a gRPC status, from 0.
const CODES: [&str; 17] = [
    "OK",
    "Canceled",
    "Unknown",
    "InvalidArgument",
    "DeadlineExceeded",
    "NotFound",
    "AlreadyExists",
    "PermissionDenied",
    "ResourceExhausted",
    "FailedPrecondition",
    "Aborted",
    "OutOfRange",
    "Unimplemented",
    "Internal",
    "Unavailable",
    "DataLoss",
    "Unauthenticated",
];

/// Calls `method` of `runtime.v1.RuntimeService`.
///
/// # Errors
/// [`Failure`] if what comes back is no gRPC, is too large, or is no `R`.
pub(super) async fn call<R: Message + Default>(
    client: &SendRequest<Bytes>,
    method: &str,
    request: &impl Message,
) -> Result<CriReply<R>, Failure> {
    let head = Request::post(format!(
        "http://localhost/runtime.v1.RuntimeService/{method}"
    ))
    .header("content-type", "application/grpc")
    .header("te", "trailers")
    .header("user-agent", "nodepol")
    .body(())?;
    let (response, mut sending) = client.clone().ready().await?.send_request(head, false)?;
    sending.send_data(framed(request)?, true)?;
    let (head, mut body) = response.await?.into_parts();
    if !head.status.is_success() {
        return Err(Failure::Protocol(format!("HTTP status {}", head.status)));
    }
    let mut received = BytesMut::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk?;
        body.flow_control().release_capacity(chunk.len())?;
        if received.len().saturating_add(chunk.len()) > MAX_ANSWER {
            return Err(Failure::TooLarge);
        }
        received.extend_from_slice(&chunk);
    }
    // A response without a message has its status among its first headers.
    let trailers = body.trailers().await?.unwrap_or(head.headers);
    if let Some(refusal) = refusal(&trailers)? {
        return Ok(CriReply::Refused(refusal));
    }
    Ok(CriReply::Answer(R::decode(message(&received)?)?))
}

fn framed(request: &impl Message) -> Result<Bytes, Failure> {
    let length = u32::try_from(request.encoded_len()).map_err(|_| Failure::TooLarge)?;
    let mut framed = BytesMut::new();
    framed.put_u8(0);
    framed.put_u32(length);
    request.encode(&mut framed)?;
    Ok(framed.freeze())
}

/// The one message of a body.
fn message(body: &[u8]) -> Result<&[u8], Failure> {
    let torn = || Failure::Protocol("the message is torn".to_owned());
    let (prefix, message) = body.split_first_chunk::<PREFIX>().ok_or_else(torn)?;
    let [compressed, length @ ..] = *prefix;
    if compressed != 0 {
        // Nobody offered to take it.
        return Err(Failure::Protocol("the message is compressed".to_owned()));
    }
    if usize::try_from(u32::from_be_bytes(length)) != Ok(message.len()) {
        return Err(torn());
    }
    Ok(message)
}

/// The status of a call, unless it is `OK`.
fn refusal(trailers: &HeaderMap) -> Result<Option<CriRefusal>, Failure> {
    let field = |name| {
        let value = trailers.get(name)?;
        Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let status = field("grpc-status")
        .ok_or_else(|| Failure::Protocol("the response has no grpc-status".to_owned()))?;
    if status == "0" {
        return Ok(None);
    }
    let name = status.parse().ok().and_then(|code: usize| CODES.get(code));
    let message = field("grpc-message").unwrap_or_default();
    let message = percent_encoding::percent_decode_str(&message).decode_utf8_lossy();
    Ok(Some(CriRefusal {
        code: name.map_or(status, |name| (*name).to_owned()),
        message: redact::text(&message).into_owned(),
    }))
}
