//! Gives up what this process no longer needs, before a component runs.
//!
//! The sandbox is what holds a component. Should it fail, what breaks out finds
//! a process that may read what is still to be read, write where the report
//! goes, and nothing else: it cannot start a program, open a connection, send a
//! signal or gain a right.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, PathBeneath,
    PathFd, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, RulesetStatus, Scope,
};
use rustix::thread::{CapabilitySet, CapabilitySets};

/// The rights of Landlock that are known here; a kernel takes away those that
/// it knows as well.
const LANDLOCK: ABI = ABI::V10;

/// What is still needed.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    /// The directories below which more may be read.
    pub(crate) read: Vec<PathBuf>,
    /// The files that are still written.
    pub(crate) write: Vec<PathBuf>,
}

/// Gives up everything but `needs`.
///
/// A kernel that cannot do a part of it does the rest: `-v` says what is
/// missing. The sandbox itself needs none of it.
pub(crate) fn give_up(needs: &Needs) {
    // What is executed gets no right that this process does not have: no
    // set-user-ID, no file capabilities.
    if let Err(errno) = rustix::thread::set_no_new_privs(true) {
        tracing::info!("this process keeps the way to new privileges: {errno}");
    }
    match restrict(needs) {
        Ok(RulesetStatus::FullyEnforced) => tracing::debug!("Landlock holds this process"),
        Ok(RulesetStatus::PartiallyEnforced) => {
            tracing::debug!("Landlock holds this process, as far as this kernel's goes");
        }
        Ok(RulesetStatus::NotEnforced) => tracing::info!(
            "this kernel has no Landlock (CONFIG_SECURITY_LANDLOCK, `lsm=landlock,...`): the \
             sandbox of the components is the only thing that holds them"
        ),
        Err(error) => tracing::info!("Landlock does not hold this process: {error}"),
    }
    if let Err(errno) = drop_capabilities(needs) {
        tracing::info!("this process keeps its capabilities: {errno}");
    }
}

fn restrict(needs: &Needs) -> Result<RulesetStatus, landlock::RulesetError> {
    let files = AccessFs::from_all(LANDLOCK);
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(files)?
        .handle_access(AccessNet::from_all(LANDLOCK))?
        .scope(Scope::from_all(LANDLOCK))?
        .create()?;
    for directory in &needs.read {
        let read = AccessFs::ReadFile | AccessFs::ReadDir;
        ruleset = allow(ruleset, directory, read)?;
    }
    for file in &needs.write {
        ruleset = allow(ruleset, &directory_of(file), files & !AccessFs::Execute)?;
    }
    // It holds this thread and those that it starts. (Linux 7.0 can hold others as
    // well, and would give them these needs: see [`crate::node::Node::give_up`].)
    Ok(ruleset.restrict_self()?.ruleset)
}

fn allow(
    ruleset: landlock::RulesetCreated,
    directory: &Path,
    access: BitFlags<AccessFs>,
) -> Result<landlock::RulesetCreated, landlock::RulesetError> {
    match PathFd::new(directory) {
        Ok(open) => ruleset.add_rule(PathBeneath::new(open, access)),
        // What cannot be opened here fails with a better message where it is used.
        Err(_) => Ok(ruleset),
    }
}

/// The directory in which a report is made, links followed.
fn directory_of(file: &Path) -> PathBuf {
    let target = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Drops every capability but those that `needs` cannot be met without.
fn drop_capabilities(needs: &Needs) -> rustix::io::Result<()> {
    let mut kept = CapabilitySet::empty();
    if !needs.read.is_empty() {
        // Files that other users closed to root as well.
        kept |= CapabilitySet::DAC_READ_SEARCH;
    }
    if !needs.write.is_empty() {
        // A report into the directory of another user, over a file of another.
        kept |= CapabilitySet::DAC_OVERRIDE | CapabilitySet::FOWNER;
    }
    let had = rustix::thread::capabilities(None)?;
    if had.permitted.contains(CapabilitySet::SETPCAP) {
        for capability in CapabilitySet::all().iter() {
            // A kernel that does not know it has nothing to drop.
            let _ = rustix::thread::remove_capability_from_bounding_set(capability);
        }
    }
    rustix::thread::set_capabilities(
        None,
        CapabilitySets {
            effective: had.effective & kept,
            permitted: had.permitted & kept,
            inheritable: CapabilitySet::empty(),
        },
    )
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::process::Command;

    use super::*;

    /// Rights do not come back, so they are given up in a process of its own:
    /// this test, started once more.
    #[test]
    fn what_is_given_up_is_gone() {
        let output = Command::new(std::env::current_exe().unwrap())
            .args([
                "--ignored",
                "--exact",
                "rights::tests::held",
                "--test-threads=1",
            ])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}");
        assert!(said.contains("1 passed"), "{said}");
    }

    #[test]
    #[ignore = "a part of what_is_given_up_is_gone"]
    fn held() {
        let inside = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        let readable = inside.path().join("readable");
        let closed = outside.path().join("closed");
        std::fs::write(&readable, "").unwrap();
        std::fs::write(&closed, "").unwrap();
        let report = tempfile::tempdir().unwrap();
        let needs = Needs {
            read: vec![inside.path().to_owned()],
            write: vec![report.path().join("report.json")],
        };
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
        let mut numbers = release
            .split(['.', '-'])
            .map_while(|it| it.parse::<u32>().ok());
        let version = (numbers.next().unwrap(), numbers.next().unwrap());
        let status = restrict(&needs).unwrap();
        give_up(&needs);
        assert!(std::fs::read(&readable).is_ok());
        assert!(std::fs::write(report.path().join("report.json"), "{}").is_ok());
        if status == RulesetStatus::NotEnforced {
            eprintln!("this kernel has no Landlock");
            return;
        }
        assert!(std::fs::read(&closed).is_err());
        assert!(std::fs::read("/etc/passwd").is_err());
        assert!(std::fs::write(&readable, "").is_err());
        assert!(std::fs::write(outside.path().join("new"), "").is_err());
        assert!(Command::new("/bin/true").status().is_err());
        // From Landlock's fourth version on.
        if version >= (6, 7) {
            assert!(TcpListener::bind("127.0.0.1:0").is_err());
        }
    }
}
