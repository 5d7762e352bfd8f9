//! Asks a container runtime what it is and how it is configured, as the kubelet
//! does: over CRI. Nothing is changed by that.

mod call;
mod failure;
mod messages;

use std::io::ErrorKind;
use std::path::Path;
use std::pin::{Pin, pin};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_lite::future;
use h2::client::SendRequest;
use nodepol_model::Part;
use nodepol_model::cri::{
    Cri, CriCondition, CriRefusal, CriReply, CriRuntimeConfig, CriStatus, CriVersion,
};
use prost::Message;
use serde_json::Value;
use tokio::net::UnixStream;
use tokio::runtime;

use crate::redact;
use failure::Failure;
use messages::{
    CgroupDriver, RuntimeConfigRequest, RuntimeConfigResponse, StatusRequest, StatusResponse,
    VersionRequest, VersionResponse,
};

/// Asks whoever listens at `url`, a `unix://` URL, for `deadline` at most.
/// Somebody who listens and does not answer as CRI has it is a gRPC status, as
/// every client of gRPC would give it.
pub(crate) fn ask(url: &str, deadline: Duration) -> Part<Cri> {
    let deadline = Deadline::after(deadline);
    // On this thread, and no other is started.
    let runtime = runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(Failure::Connect);
    match runtime.and_then(|runtime| runtime.block_on(converse(url, &deadline))) {
        Ok(cri) => Part::Present(cri),
        Err(Failure::Nobody) => Part::Absent,
        Err(failure) => Part::Unreadable(failure.to_string()),
    }
}

async fn converse(url: &str, deadline: &Deadline) -> Result<Cri, Failure> {
    let path = url.strip_prefix("unix://").map(Path::new);
    let path = path
        .filter(|path| path.is_absolute())
        .ok_or(Failure::NoPath)?;
    let connect = async {
        UnixStream::connect(path)
            .await
            .map_err(|error| match error.kind() {
                ErrorKind::NotFound | ErrorKind::ConnectionRefused => Failure::Nobody,
                _ => Failure::Connect(error),
            })
    };
    let stream = deadline.bounds(connect).await?;
    let shake = async { Ok(h2::client::handshake(stream).await?) };
    let (client, connection) = match deadline.bounds(shake).await {
        Ok(connected) => connected,
        Err(failure) => return Ok(silence(&failure)),
    };
    let hangs_up = async {
        match connection.await {
            Ok(()) => Failure::Closed,
            Err(error) => Failure::Http2(error),
        }
    };
    let mut questions = Questions {
        client,
        hangs_up: pin!(hangs_up),
        deadline,
        lost: None,
    };
    // The kubelet asks with the version of its own API.
    let request = VersionRequest {
        version: "0.1.0".to_owned(),
    };
    let version = questions.ask("Version", &request).await;
    let config = questions
        .ask("RuntimeConfig", &RuntimeConfigRequest {})
        .await;
    let status = questions
        .ask("Status", &StatusRequest { verbose: true })
        .await;
    Ok(Cri {
        version: map(version, |version: VersionResponse| CriVersion {
            runtime_name: version.runtime_name,
            runtime_version: version.runtime_version,
            runtime_api_version: version.runtime_api_version,
        }),
        runtime_config: map(config, |config: RuntimeConfigResponse| CriRuntimeConfig {
            cgroup_driver: config.linux.map(|linux| {
                match CgroupDriver::try_from(linux.cgroup_driver) {
                    Ok(CgroupDriver::Systemd) => "systemd".to_owned(),
                    Ok(CgroupDriver::Cgroupfs) => "cgroupfs".to_owned(),
                    // A driver of a later CRI.
                    Err(_) => linux.cgroup_driver.to_string(),
                }
            }),
        }),
        status: map(status, status_of),
    })
}

/// Questions over one connection.
struct Questions<'a, C> {
    client: SendRequest<Bytes>,
    /// What moves the bytes, and ends when the peer hangs up.
    hangs_up: Pin<&'a mut C>,
    deadline: &'a Deadline,
    /// Why nobody answers any more.
    lost: Option<CriRefusal>,
}

impl<C: Future<Output = Failure>> Questions<'_, C> {
    async fn ask<R: Message + Default>(
        &mut self,
        method: &str,
        request: &impl Message,
    ) -> CriReply<R> {
        if let Some(status) = &self.lost {
            return CriReply::Refused(status.clone());
        }
        let question = call::call(&self.client, method, request);
        let hung_up = async { Err(self.hangs_up.as_mut().await) };
        match self.deadline.bounds(future::or(question, hung_up)).await {
            Ok(reply) => reply,
            Err(failure) => {
                self.lost = Some(failure.status());
                CriReply::Refused(failure.status())
            }
        }
    }
}

/// Every method of somebody who does not answer.
fn silence(failure: &Failure) -> Cri {
    Cri {
        version: CriReply::Refused(failure.status()),
        runtime_config: CriReply::Refused(failure.status()),
        status: CriReply::Refused(failure.status()),
    }
}

/// The end of a conversation.
struct Deadline {
    whole: Duration,
    end: Instant,
}

impl Deadline {
    fn after(whole: Duration) -> Self {
        Self {
            whole,
            end: Instant::now() + whole,
        }
    }

    async fn bounds<T>(
        &self,
        answer: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let late = async {
            tokio::time::sleep_until(self.end.into()).await;
            Err(Failure::Late(self.whole))
        };
        future::or(answer, late).await
    }
}

fn status_of(response: StatusResponse) -> CriStatus {
    let conditions = response.status.unwrap_or_default().conditions;
    CriStatus {
        conditions: conditions
            .into_iter()
            .map(|condition| CriCondition {
                kind: condition.r#type,
                status: condition.status,
                reason: condition.reason,
                message: redact::text(&condition.message).into_owned(),
            })
            .collect(),
        containerd: response
            .info
            .get("config")
            .and_then(|config| handlers(config)),
    }
}

/// The part `containerd` of what containerd says of its CRI plugin. The rest,
/// where the credentials of registries are, is left out.
fn handlers(config: &str) -> Option<Value> {
    let mut config: Value = serde_json::from_str(config).ok()?;
    let mut handlers = config.get_mut("containerd")?.take();
    redact::json(&mut handlers);
    Some(handlers)
}

fn map<R, T>(reply: CriReply<R>, answer: impl FnOnce(R) -> T) -> CriReply<T> {
    match reply {
        CriReply::Answer(response) => CriReply::Answer(answer(response)),
        CriReply::Refused(refusal) => CriReply::Refused(refusal),
    }
}
