//! The interface `files`.

use nodepol_facts::files as facts;
use nodepol_facts::mount;

use super::convert::{IntoWit, wit};
use crate::bindings::nodepol::policy::files::{BootMount, Host, Kind, Mount, Stat, Usage};
use crate::bindings::nodepol::policy::types::Unavailable;
use crate::host_state::HostState;

impl Host for HostState {
    fn lstat(&mut self, path: String) -> wasmtime::Result<Result<Option<Stat>, Unavailable>> {
        Ok(wit(self.facts()?.files.lstat(&path)))
    }

    fn resolve(&mut self, path: String) -> wasmtime::Result<Result<Option<String>, Unavailable>> {
        Ok(wit(self.facts()?.files.resolve(&path)))
    }

    /// The one function of which the permission is finer than its interface:
    /// each path is granted by itself, as it is spelt in the policy set.
    fn text(&mut self, path: String) -> wasmtime::Result<Result<Option<String>, Unavailable>> {
        let facts = self.facts()?;
        if !self.granted_files.contains(&path) {
            return Ok(Err(Unavailable {
                reason: "the policy set does not grant its text to this policy: add the path \
                         to `grants.files`"
                    .to_owned(),
                source: path,
            }));
        }
        Ok(wit(facts.files.text(&path)))
    }

    fn get_usage(&mut self, path: String) -> wasmtime::Result<Result<Option<Usage>, Unavailable>> {
        Ok(wit(self.facts()?.files.usage(&path)))
    }

    fn mounts(&mut self) -> wasmtime::Result<Result<Vec<Mount>, Unavailable>> {
        Ok(wit(self.facts()?.files.mounts()))
    }

    fn boot_mounts(&mut self) -> wasmtime::Result<Result<Vec<BootMount>, Unavailable>> {
        Ok(wit(self.facts()?.mounts.at_next_boot()))
    }

    fn mounted_before(
        &mut self,
        mount_point: String,
        service: String,
    ) -> wasmtime::Result<Result<bool, Unavailable>> {
        Ok(wit(self
            .facts()?
            .mounts
            .mounted_before(&mount_point, &service)))
    }
}

impl IntoWit for facts::Stat {
    type Wit = Stat;

    fn into_wit(self) -> Stat {
        Stat {
            kind: match self.kind {
                facts::Kind::Regular => Kind::Regular,
                facts::Kind::Directory => Kind::Directory,
                facts::Kind::Symlink => Kind::Symlink,
                facts::Kind::Fifo => Kind::Fifo,
                facts::Kind::Socket => Kind::Socket,
                facts::Kind::BlockDevice => Kind::BlockDevice,
                facts::Kind::CharacterDevice => Kind::CharacterDevice,
            },
            mode: self.mode,
            uid: self.uid,
            gid: self.gid,
            size: self.size,
            modified: self.modified,
            target: self.target,
        }
    }
}

impl IntoWit for facts::Usage {
    type Wit = Usage;

    fn into_wit(self) -> Usage {
        Usage {
            magic: self.magic,
            bytes: self.bytes,
            bytes_available: self.bytes_available,
            inodes: self.inodes,
            inodes_free: self.inodes_free,
        }
    }
}

impl IntoWit for facts::Mount {
    type Wit = Mount;

    fn into_wit(self) -> Mount {
        Mount {
            mount_point: self.mount_point,
            source: self.source,
            filesystem: self.filesystem,
            options: self.options,
        }
    }
}

impl IntoWit for mount::BootMount {
    type Wit = BootMount;

    fn into_wit(self) -> BootMount {
        BootMount {
            mount_point: self.mount_point,
            source: self.source,
            filesystem: self.filesystem,
            options: self.options,
            unit: self.unit,
            at: wit(self.at),
            text: self.text,
            started: self.started,
            automount: self.automount,
            device_present: self.device_present,
        }
    }
}
