//! Reports made by hand, for the tests of every format.
#![allow(
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "each test uses a part of it"
)]

use jiff::Timestamp;
use nodepol_model::report::{
    Cost, Evidence, NodeSummary, PhaseChoice, PluginIdentity, PolicyError, PolicyErrorKind, Waived,
    WaiverNote,
};
use nodepol_model::{
    API_VERSION, Action, Disruption, Finding, Fix, Horizon, Location, Phase, Place, PolicyReport,
    Report, Severity, Step, UnitVerb, Verdict, Verdicts,
};

pub fn report(policies: Vec<PolicyReport>) -> Report {
    Report {
        api_version: API_VERSION.to_owned(),
        kind: "Report".to_owned(),
        node: NodeSummary {
            name: Some("worker-1".to_owned()),
            os: Some("Debian GNU/Linux 12 (bookworm)".to_owned()),
            kernel: Some("6.1.0-26-amd64".to_owned()),
            kubelet: Some("1.36.2".to_owned()),
            runtime: Some("containerd 2.2.1".to_owned()),
            join_state: "joined".to_owned(),
        },
        phase: PhaseChoice {
            name: Phase::Running,
            reason: "the node has joined a cluster and its systemd runs".to_owned(),
        },
        taken_at: timestamp("2026-08-01T12:00:00Z"),
        verdict: nodepol_report::overall(&policies),
        policies,
        waivers: Vec::new(),
    }
}

pub fn timestamp(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn policy(id: &str, severity: Severity, now: Verdict, next_boot: Verdict) -> PolicyReport {
    PolicyReport {
        id: id.to_owned(),
        plugin: PluginIdentity {
            origin: "standard".to_owned(),
            digest: "0123456789abcdef".repeat(4),
        },
        severity,
        verdict: Some(Verdicts { now, next_boot }),
        summary: format!("the summary of {id}"),
        findings: Vec::new(),
        cost: Cost::default(),
        error: None,
    }
}

pub fn finding(id: &str, verdict: Verdict, horizons: &[Horizon], message: &str) -> Finding {
    Finding {
        id: id.to_owned(),
        verdict,
        horizons: horizons.to_vec(),
        message: message.to_owned(),
        evidence: Vec::new(),
        fix: None,
        symptom_of: Vec::new(),
        waived: None,
    }
}

pub fn step(description: &str, action: Action) -> Step {
    Step {
        description: description.to_owned(),
        place: Place::Node,
        action,
        disruption: Disruption::None,
        verify: None,
    }
}

pub fn command(argv: &[&str]) -> Action {
    Action::Command {
        argv: argv.iter().map(|&word| word.to_owned()).collect(),
    }
}

/// Swap is on, the kubelet's log says so, and fstab will bring it back.
pub fn swap() -> Report {
    let mut active = policy(
        "swap-active",
        Severity::Blocker,
        Verdict::Fail,
        Verdict::NotApplicable,
    );
    let mut on = finding(
        "swap-on",
        Verdict::Fail,
        &[Horizon::Now],
        "swap is on, and the kubelet does not start while it is, for failSwapOn is true",
    );
    on.evidence = vec![
        Evidence {
            at: Location::position("/proc/swaps", 2, 1),
            value: "/dev/sda2".to_owned(),
            note: Some("2 GiB of swap".to_owned()),
            excerpt: Some("/dev/sda2    partition\t2097148\t0\t-2".to_owned()),
        },
        Evidence {
            at: Location::source("default").with_pointer("/failSwapOn"),
            value: "true".to_owned(),
            note: None,
            excerpt: None,
        },
    ];
    on.fix = Some(Fix {
        summary: "turn swap off, now and for good".to_owned(),
        steps: vec![
            Step {
                verify: Some(vec![
                    "sh".to_owned(),
                    "-c".to_owned(),
                    "test -z \"$(swapon --noheadings)\"".to_owned(),
                ]),
                ..step("turn it off", command(&["swapoff", "-a"]))
            },
            Step {
                disruption: Disruption::Restart,
                ..step(
                    "start the kubelet again",
                    Action::Unit {
                        name: "kubelet.service".to_owned(),
                        verb: UnitVerb::Restart,
                    },
                )
            },
        ],
    });
    active.findings = vec![on];

    let mut returns = policy(
        "swap-returns-on-reboot",
        Severity::BootBlocker,
        Verdict::NotApplicable,
        Verdict::Fail,
    );
    let mut fstab = finding(
        "fstab",
        Verdict::Fail,
        &[Horizon::NextBoot],
        "fstab turns swap on at boot",
    );
    fstab.evidence = vec![Evidence {
        at: Location::position("/etc/fstab", 3, 1),
        value: "UUID=aa-bb".to_owned(),
        note: Some(
            "systemd-fstab-generator makes dev-disk-by\\x2duuid-aa\\x2dbb.swap of this line, and \
             swap.target wants it"
                .to_owned(),
        ),
        excerpt: Some("UUID=aa-bb none swap sw 0 0".to_owned()),
    }];
    fstab.fix = Some(Fix {
        summary: "keep swap off after a reboot".to_owned(),
        steps: vec![
            step(
                "take the line out of fstab",
                Action::RemoveLine {
                    path: "/etc/fstab".to_owned(),
                    line: 3,
                    text: "UUID=aa-bb none swap sw 0 0".to_owned(),
                },
            ),
            step(
                "or let the kubelet run with swap",
                Action::SetValue {
                    path: "/var/lib/kubelet/config.yaml".to_owned(),
                    pointer: "/failSwapOn".to_owned(),
                    json: "false".to_owned(),
                },
            ),
            step(
                "drop the setting that went with it",
                Action::RemoveKey {
                    path: "/var/lib/kubelet/config.yaml".to_owned(),
                    pointer: "/memorySwap/swapBehavior".to_owned(),
                },
            ),
            step(
                "keep zram off",
                Action::WriteFile {
                    path: "/etc/systemd/zram-generator.conf".to_owned(),
                    mode: 0o644,
                    content: "# none\n[zram0]\nzram-size = 0\n".to_owned(),
                },
            ),
            Step {
                place: Place::Admin,
                disruption: Disruption::Evict,
                ..step(
                    "empty the node",
                    command(&["kubectl", "drain", "worker-1", "--ignore-daemonsets"]),
                )
            },
            Step {
                disruption: Disruption::Reboot,
                ..step("see that it holds", command(&["systemctl", "reboot"]))
            },
            step(
                "tell whoever builds the image",
                Action::Note {
                    text: "The image brings the line back with each new node.".to_owned(),
                },
            ),
        ],
    });
    returns.findings = vec![fstab];

    let mut triage = policy(
        "kubelet-crashloop-triage",
        Severity::Blocker,
        Verdict::Fail,
        Verdict::NotApplicable,
    );
    let mut log = finding(
        "running-with-swap",
        Verdict::Fail,
        &[Horizon::Now],
        "the kubelet ended 41 times with `running with swap on is not supported`",
    );
    log.symptom_of = vec!["swap-active/swap-on".to_owned()];
    triage.findings = vec![log];

    let mut certs = policy(
        "cert-rotation",
        Severity::TimeBomb,
        Verdict::Warn,
        Verdict::Warn,
    );
    certs.findings = vec![finding(
        "overdue",
        Verdict::Warn,
        &[Horizon::Now, Horizon::NextBoot],
        "the client certificate should have been rotated 3 days ago",
    )];
    report(vec![
        certs,
        triage,
        policy(
            "kubelet-unit-enabled",
            Severity::BootBlocker,
            Verdict::NotApplicable,
            Verdict::Pass,
        ),
        active,
        returns,
        policy(
            "crio-config-effective",
            Severity::Blocker,
            Verdict::NotApplicable,
            Verdict::NotApplicable,
        ),
    ])
}

/// Everything holds.
pub fn all_pass() -> Report {
    let names = [
        "cgroup-driver-init",
        "cgroup-driver-match",
        "cgroup-version",
        "client-cert-expiry",
        "kubeconfig-usable",
        "kubelet-config-file",
        "kubelet-unit-enabled",
        "swap-active",
    ];
    report(
        names
            .into_iter()
            .map(|id| policy(id, Severity::Blocker, Verdict::Pass, Verdict::Pass))
            .collect(),
    )
}

/// Installed, and kubeadm has not run yet.
pub fn waiting() -> Report {
    let mut triage = policy(
        "kubelet-crashloop-triage",
        Severity::Blocker,
        Verdict::Waiting,
        Verdict::Waiting,
    );
    let mut wait = finding(
        "not-joined",
        Verdict::Waiting,
        &[Horizon::Now, Horizon::NextBoot],
        "the kubelet restarts every 10 seconds until kubeadm writes /var/lib/kubelet/config.yaml",
    );
    wait.fix = Some(Fix {
        summary: "join the node to a cluster".to_owned(),
        steps: vec![step(
            "print the command for this cluster",
            command(&["kubeadm", "token", "create", "--print-join-command"]),
        )],
    });
    triage.findings = vec![wait];
    let mut report = report(vec![
        triage,
        policy(
            "swap-active",
            Severity::Blocker,
            Verdict::Pass,
            Verdict::Pass,
        ),
    ]);
    report.verdict = nodepol_report::overall(&report.policies);
    report
}

/// Run without the right to read.
pub fn unknown() -> Report {
    let missing = |id: &str, source: &str, reason: &str| {
        let mut policy = policy(id, Severity::Blocker, Verdict::Unknown, Verdict::Unknown);
        let mut finding = finding(
            "evidence-unavailable",
            Verdict::Unknown,
            &[Horizon::Now, Horizon::NextBoot],
            &format!("{source}: {reason}"),
        );
        finding.evidence = vec![Evidence {
            at: Location::source(source),
            value: reason.to_owned(),
            note: None,
            excerpt: None,
        }];
        policy.findings = vec![finding];
        policy
    };
    let denied = "Permission denied (os error 13)";
    let mut summary_only = policy(
        "cgroup-controllers",
        Severity::Blocker,
        Verdict::Unknown,
        Verdict::Unknown,
    );
    summary_only.summary = "neither cgroup v1 nor v2 could be seen".to_owned();
    report(vec![
        summary_only,
        missing("client-cert-expiry", "/var/lib/kubelet/pki", denied),
        missing("client-cert-store", "/var/lib/kubelet/pki", denied),
        missing("kubeconfig-usable", "/etc/kubernetes/kubelet.conf", denied),
        missing(
            "kubelet-config-file",
            "/var/lib/kubelet/config.yaml",
            denied,
        ),
        missing(
            "kubelet-unit-deps",
            "systemd",
            "D-Bus did not answer in time",
        ),
        policy(
            "swap-active",
            Severity::Blocker,
            Verdict::Pass,
            Verdict::Pass,
        ),
    ])
}

/// A policy trapped, another one may not read what it wants.
pub fn error() -> Report {
    let failed = |id: &str, origin: &str, kind, message: &str| {
        let mut failed = policy(id, Severity::Blocker, Verdict::Pass, Verdict::Pass);
        failed.verdict = None;
        failed.summary = String::new();
        failed.plugin.origin = origin.to_owned();
        failed.error = Some(PolicyError {
            kind,
            message: message.to_owned(),
        });
        failed
    };
    report(vec![
        failed(
            "disk-type",
            "policies/disk-type.wasm",
            PolicyErrorKind::NotGranted,
            "it imports `files`, which is not granted; grant it in the policy set:\n\
             grants: {interfaces: [files]}",
        ),
        failed(
            "ports-free",
            "standard",
            PolicyErrorKind::Trap,
            "wasm trap: out of bounds memory access",
        ),
        policy(
            "swap-active",
            Severity::Blocker,
            Verdict::Pass,
            Verdict::Pass,
        ),
    ])
}

/// What fails is accepted for now; another waiver has run out.
pub fn waived() -> Report {
    let mut tmpfs = policy(
        "swap-tmpfs-noswap",
        Severity::Hygiene,
        Verdict::Pass,
        Verdict::Pass,
    );
    let mut secrets = finding(
        "secrets-on-disk",
        Verdict::Warn,
        &[Horizon::Now],
        "secrets can be written to swap",
    );
    secrets.waived = Some(Waived {
        reason: "the swap of these nodes is encrypted".to_owned(),
        expires: Some(timestamp("2027-01-01T00:00:00Z")),
    });
    tmpfs.findings = vec![secrets];
    let mut report = report(vec![
        policy(
            "swap-active",
            Severity::Blocker,
            Verdict::Pass,
            Verdict::Pass,
        ),
        tmpfs,
    ]);
    report.waivers = vec![WaiverNote {
        names: "cgroup-version".to_owned(),
        at: Location::position("site.yaml", 14, 5),
        problem: "expired on 2026-07-01".to_owned(),
    }];
    report
}

/// Not a node at all.
pub fn nothing() -> Report {
    let mut report = report(vec![policy(
        "swap-active",
        Severity::Blocker,
        Verdict::NotApplicable,
        Verdict::NotApplicable,
    )]);
    report.node = NodeSummary {
        name: None,
        os: None,
        kernel: None,
        kubelet: None,
        runtime: None,
        join_state: "no-kubelet".to_owned(),
    };
    report.phase = PhaseChoice {
        name: Phase::Image,
        reason: "no kernel runs from this tree".to_owned(),
    };
    report
}
