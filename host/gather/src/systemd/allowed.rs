//! Which properties are kept, and the D-Bus type that each must have.
//!
//! systemd 252 gives over 100 properties for every unit and 300 more for a
//! service; only what a fact or a policy can use is kept. The list is closed: a
//! property that is not here never reaches a snapshot. A property that the
//! manager does not have (it is older than the property), or that has another
//! type than stated here, is left out, so that whoever reads a snapshot may
//! rely on the type.
//!
//! Names and types: org.freedesktop.systemd1(5).

/// One property that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Property {
    /// Its name on D-Bus.
    pub name: &'static str,
    /// Its D-Bus signature.
    pub signature: &'static str,
    /// Whether it is a set: systemd gives it in the order of a hash table that
    /// differs from boot to boot, so it is sorted here.
    pub set: bool,
}

/// A value, or a list whose order means something.
const fn one(name: &'static str, signature: &'static str) -> Property {
    Property {
        name,
        signature,
        set: false,
    }
}

/// A set of names.
const fn set(name: &'static str) -> Property {
    Property {
        name,
        signature: "as",
        set: true,
    }
}

/// `org.freedesktop.systemd1.Manager`.
pub const MANAGER: &[Property] = &[
    one("Version", "s"),
    one("Features", "s"),
    one("Architecture", "s"),
    one("Virtualization", "s"),
    one("Tainted", "s"),
    one("SystemState", "s"),
    one("NFailedUnits", "u"),
    one("NJobs", "u"),
    one("ControlGroup", "s"),
    one("UnitPath", "as"),
    // Every service inherits it: a proxy or a GOMAXPROCS set here reaches the kubelet.
    one("Environment", "as"),
    // When the boot came how far, and when the unit files were last read.
    one("KernelTimestamp", "t"),
    one("UserspaceTimestamp", "t"),
    one("FinishTimestamp", "t"),
    one("GeneratorsStartTimestamp", "t"),
    one("GeneratorsFinishTimestamp", "t"),
    one("UnitsLoadStartTimestamp", "t"),
    one("UnitsLoadFinishTimestamp", "t"),
    one("UnitsLoadTimestamp", "t"),
    // What a unit gets that does not say otherwise (systemd-system.conf(5)).
    one("DefaultRestartUSec", "t"),
    one("DefaultStartLimitIntervalUSec", "t"),
    one("DefaultStartLimitBurst", "u"),
    one("DefaultTimeoutStartUSec", "t"),
    one("DefaultTimeoutStopUSec", "t"),
    one("DefaultDeviceTimeoutUSec", "t"),
    one("DefaultLimitNOFILE", "t"),
    one("DefaultLimitNOFILESoft", "t"),
    one("DefaultTasksMax", "t"),
    one("DefaultOOMPolicy", "s"),
];

/// `org.freedesktop.systemd1.Unit`.
pub const UNIT: &[Property] = &[
    one("Id", "s"),
    set("Names"),
    one("Following", "s"),
    one("Description", "s"),
    // What was loaded, from where.
    one("LoadState", "s"),
    one("LoadError", "(ss)"),
    one("UnitFileState", "s"),
    one("UnitFilePreset", "s"),
    one("FragmentPath", "s"),
    one("SourcePath", "s"),
    one("DropInPaths", "as"),
    one("NeedDaemonReload", "b"),
    one("Transient", "b"),
    one("DefaultDependencies", "b"),
    // What it is tied to.
    set("Requires"),
    set("Requisite"),
    set("Wants"),
    set("BindsTo"),
    set("PartOf"),
    set("Upholds"),
    set("RequiredBy"),
    set("RequisiteOf"),
    set("WantedBy"),
    set("BoundBy"),
    set("UpheldBy"),
    set("ConsistsOf"),
    set("Conflicts"),
    set("ConflictedBy"),
    set("Before"),
    set("After"),
    set("OnFailure"),
    set("Triggers"),
    set("TriggeredBy"),
    set("RequiresMountsFor"),
    set("WantsMountsFor"),
    // Type, trigger, negated, parameter, result: 1 met, 0 not tested, -1 not met.
    one("Conditions", "a(sbbsi)"),
    one("ConditionResult", "b"),
    one("ConditionTimestamp", "t"),
    one("Asserts", "a(sbbsi)"),
    one("AssertResult", "b"),
    one("AssertTimestamp", "t"),
    // What it does now.
    one("ActiveState", "s"),
    one("SubState", "s"),
    one("Job", "(uo)"),
    one("JobTimeoutUSec", "t"),
    one("JobRunningTimeoutUSec", "t"),
    one("StateChangeTimestamp", "t"),
    one("InactiveExitTimestamp", "t"),
    one("ActiveEnterTimestamp", "t"),
    one("ActiveExitTimestamp", "t"),
    one("InactiveEnterTimestamp", "t"),
    one("InvocationID", "ay"),
    // When systemd stops trying.
    one("StartLimitIntervalUSec", "t"),
    one("StartLimitBurst", "u"),
    one("StartLimitAction", "s"),
    one("FailureAction", "s"),
    one("SuccessAction", "s"),
];

/// What every unit that has a control group has, on the interface of its type.
const CGROUP: &[Property] = &[
    one("Slice", "s"),
    one("ControlGroup", "s"),
    one("Delegate", "b"),
    one("DelegateControllers", "as"),
    one("CPUWeight", "t"),
    one("CPUQuotaPerSecUSec", "t"),
    one("IOAccounting", "b"),
    one("IOWeight", "t"),
    one("IODeviceLatencyTargetUSec", "a(st)"),
    one("MemoryMin", "t"),
    one("MemoryLow", "t"),
    one("MemoryHigh", "t"),
    one("MemoryMax", "t"),
    one("MemorySwapMax", "t"),
    one("TasksMax", "t"),
];

const SERVICE: &[Property] = &[
    one("Type", "s"),
    one("ExitType", "s"),
    one("NotifyAccess", "s"),
    one("RemainAfterExit", "b"),
    one("PIDFile", "s"),
    one("BusName", "s"),
    // Starting again.
    one("Restart", "s"),
    one("RestartMode", "s"),
    one("RestartUSec", "t"),
    one("RestartUSecNext", "t"),
    one("RestartSteps", "u"),
    one("RestartMaxDelayUSec", "t"),
    one("RestartPreventExitStatus", "(aiai)"),
    one("RestartForceExitStatus", "(aiai)"),
    one("SuccessExitStatus", "(aiai)"),
    one("NRestarts", "u"),
    one("Result", "s"),
    one("TimeoutStartUSec", "t"),
    one("TimeoutStopUSec", "t"),
    one("RuntimeMaxUSec", "t"),
    one("WatchdogUSec", "t"),
    one("KillMode", "s"),
    // The main process, now or last.
    one("MainPID", "u"),
    one("ExecMainPID", "u"),
    one("ExecMainCode", "i"),
    one("ExecMainStatus", "i"),
    one("ExecMainStartTimestamp", "t"),
    one("ExecMainExitTimestamp", "t"),
    // What is run: path, argv, whether a failure is ignored (or, in `Ex`, the
    // prefixes), start and exit times of both clocks, PID, code, status.
    one("ExecCondition", "a(sasbttttuii)"),
    one("ExecStartPre", "a(sasbttttuii)"),
    one("ExecStartPreEx", "a(sasasttttuii)"),
    one("ExecStart", "a(sasbttttuii)"),
    one("ExecStartEx", "a(sasasttttuii)"),
    one("ExecStartPost", "a(sasbttttuii)"),
    // What it runs with.
    one("Environment", "as"),
    one("EnvironmentFiles", "a(sb)"),
    one("PassEnvironment", "as"),
    one("UnsetEnvironment", "as"),
    one("User", "s"),
    one("Group", "s"),
    one("DynamicUser", "b"),
    one("WorkingDirectory", "s"),
    one("RootDirectory", "s"),
    one("RootImage", "s"),
    one("OOMScoreAdjust", "i"),
    one("OOMPolicy", "s"),
    one("LimitNOFILE", "t"),
    one("LimitNOFILESoft", "t"),
    one("AppArmorProfile", "(bs)"),
    one("SELinuxContext", "(bs)"),
    // Confinement in which a kubelet cannot work: it mounts, writes to /proc/sys
    // and reads /dev/kmsg.
    one("CapabilityBoundingSet", "t"),
    one("NoNewPrivileges", "b"),
    one("MountFlags", "t"),
    one("PrivateDevices", "b"),
    one("PrivateMounts", "b"),
    one("PrivateNetwork", "b"),
    one("PrivateTmp", "b"),
    one("PrivateUsers", "b"),
    one("ProtectControlGroups", "b"),
    one("ProtectHome", "s"),
    one("ProtectKernelLogs", "b"),
    one("ProtectKernelModules", "b"),
    one("ProtectKernelTunables", "b"),
    one("ProtectSystem", "s"),
];

const SOCKET: &[Property] = &[
    one("Listen", "a(ss)"),
    one("Accept", "b"),
    one("Result", "s"),
    one("NRefused", "u"),
];

const SWAP: &[Property] = &[
    one("What", "s"),
    one("Priority", "i"),
    one("Options", "s"),
    one("TimeoutUSec", "t"),
    one("Result", "s"),
];

const MOUNT: &[Property] = &[
    one("Where", "s"),
    one("What", "s"),
    one("Type", "s"),
    one("Options", "s"),
    one("TimeoutUSec", "t"),
    one("Result", "s"),
];

/// The interface of a type of unit, beside `org.freedesktop.systemd1.Unit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interface {
    /// Its name on D-Bus.
    pub name: &'static str,
    /// What is kept of it, one list after the other.
    pub kept: &'static [&'static [Property]],
}

/// The interface of the type of the unit `name`; `None` for types of which the
/// general properties say all that is needed (targets, timers, devices).
#[must_use]
pub fn interface_of(name: &str) -> Option<Interface> {
    let (_, suffix) = name.rsplit_once('.')?;
    let (name, kept): (_, &[&[Property]]) = match suffix {
        "service" => ("org.freedesktop.systemd1.Service", &[SERVICE, CGROUP]),
        "socket" => ("org.freedesktop.systemd1.Socket", &[SOCKET, CGROUP]),
        "swap" => ("org.freedesktop.systemd1.Swap", &[SWAP, CGROUP]),
        "mount" => ("org.freedesktop.systemd1.Mount", &[MOUNT, CGROUP]),
        "slice" => ("org.freedesktop.systemd1.Slice", &[CGROUP]),
        _ => return None,
    };
    Some(Interface { name, kept })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_name_is_listed_twice() {
        for kind in ["service", "socket", "swap", "mount", "slice"] {
            let interface = interface_of(&format!("x.{kind}")).expect("an interface");
            let mut seen = BTreeSet::new();
            for property in UNIT.iter().chain(interface.kept.iter().copied().flatten()) {
                assert!(
                    seen.insert(property.name),
                    "{kind}: {} is listed twice",
                    property.name
                );
            }
        }
        let names: BTreeSet<_> = MANAGER.iter().map(|property| property.name).collect();
        assert_eq!(names.len(), MANAGER.len());
    }

    #[test]
    fn a_type_without_an_interface_of_its_own_here_has_none() {
        for name in [
            "multi-user.target",
            "x.timer",
            "dev-sda.device",
            "x.frob",
            "nothing",
            "",
        ] {
            assert_eq!(interface_of(name), None, "{name}");
        }
    }
}
