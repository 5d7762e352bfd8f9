//! A property as `systemctl show --all --timestamp=us` prints it, worked out
//! from the JSON that was gathered.
//!
//! It is written from `bus_print_property` and its callers (systemd 252,
//! src/shared/bus-print-properties.c, src/systemctl/systemctl-show.c). What it
//! prints in another form than D-Bus has it:
//!
//! - numbers that stand for "not set" or "infinity" as these words;
//! - `…USec` as a span (`1min 30s`), `…Timestamp` as a date, never as nothing;
//! - exit statuses and capabilities by name, `MountFlags` by propagation;
//! - commands, with times as dates, codes and signals by name;
//! - lists of strings in one line, with quotes where there are blanks.
//!
//! `Conditions` and `Asserts` it calls `[unprintable]`; those are compared with
//! what `busctl` gives, as everything is.

use nodepol_gather::systemd::allowed::Property;
use serde_json::Value as Json;

/// The lines for one property, each without `name=`; `None` if it prints
/// nothing that could be compared.
pub(crate) fn lines(property: &Property, json: &Json) -> Option<Vec<String>> {
    let name = property.name;
    let list = || json.as_array().into_iter().flatten();
    let one = match property.signature {
        "b" => yes_no(json),
        "i" | "u" => json.to_string(),
        "s" | "ay" => text(json),
        "t" => unsigned(name, number(json)),
        "as" => list()
            .map(|item| quoted(&text(item)))
            .collect::<Vec<_>>()
            .join(" "),
        "a(sbbsi)" => return None,
        "(ss)" if text(&json[0]).is_empty() => String::new(),
        "(ss)" => format!("{} \"{}\"", text(&json[0]), text(&json[1])),
        "(uo)" if number(&json[0]) == 0 => String::new(),
        "(uo)" => json[0].to_string(),
        "(bs)" => format!(
            "{}{}",
            if json[0] == true { "-" } else { "" },
            text(&json[1])
        ),
        "(aiai)" => statuses(json),
        "a(st)" => {
            return Some(
                list()
                    .map(|item| format!("{} {}", text(&item[0]), span(number(&item[1]))))
                    .collect(),
            );
        }
        "a(sb)" => {
            return Some(
                list()
                    .map(|item| format!("{} (ignore_errors={})", text(&item[0]), yes_no(&item[1])))
                    .collect(),
            );
        }
        "a(ss)" => {
            return Some(
                list()
                    .map(|item| format!("{} ({})", text(&item[1]), text(&item[0])))
                    .collect(),
            );
        }
        "a(sasbttttuii)" => {
            return Some(
                list()
                    .map(|item| command(item, "ignore_errors", &yes_no(&item[2])))
                    .collect(),
            );
        }
        "a(sasasttttuii)" => {
            return Some(
                list()
                    .map(|item| command(item, "flags", &words(&item[2])))
                    .collect(),
            );
        }
        other => panic!("{name}: no way to print {other}"),
    };
    Some(vec![one])
}

fn text(json: &Json) -> String {
    json.as_str()
        .unwrap_or_else(|| panic!("no text: {json}"))
        .to_owned()
}

fn number(json: &Json) -> u64 {
    json.as_u64().unwrap_or_else(|| panic!("no number: {json}"))
}

fn yes_no(json: &Json) -> String {
    if json.as_bool().expect("a boolean") {
        "yes"
    } else {
        "no"
    }
    .to_owned()
}

fn words(json: &Json) -> String {
    json.as_array()
        .expect("a list")
        .iter()
        .map(text)
        .collect::<Vec<_>>()
        .join(" ")
}

fn quoted(text: &str) -> String {
    if text.is_empty() || text.contains([' ', '\t', '"', '$', '\'', ';', '|', '&', '*']) {
        format!(
            "\"{}\"",
            text.replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('$', "\\$")
        )
    } else {
        text.to_owned()
    }
}

fn unsigned(name: &str, value: u64) -> String {
    match name {
        "CapabilityBoundingSet" => CAPABILITIES
            .iter()
            .enumerate()
            .filter(|(bit, _)| value & (1 << bit) != 0)
            .map(|(_, name)| format!("cap_{name}"))
            .collect::<Vec<_>>()
            .join(" "),
        // MS_PRIVATE, MS_SLAVE and MS_SHARED of mount(2).
        "MountFlags" => match value {
            0 => "",
            0x4_0000 => "private",
            0x8_0000 => "slave",
            0x10_0000 => "shared",
            other => panic!("no propagation: {other:x}"),
        }
        .to_owned(),
        _ if name.ends_with("Timestamp") => date(value),
        _ if name.ends_with("USec") => span(value),
        "CPUWeight" | "IOWeight" if value == u64::MAX => "[not set]".to_owned(),
        _ if value == u64::MAX => "infinity".to_owned(),
        _ => value.to_string(),
    }
}

fn date(usec: u64) -> String {
    if usec == 0 {
        return String::new();
    }
    let usec = i64::try_from(usec).expect("a time of this era");
    let time = jiff::Timestamp::from_microsecond(usec).expect("a time");
    time.strftime("%a %Y-%m-%d %H:%M:%S.%6f UTC").to_string()
}

/// `format_timespan` with an accuracy of a microsecond (src/basic/time-util.c).
fn span(mut usec: u64) -> String {
    const UNITS: [(&str, u64, usize); 9] = [
        ("y", 31_557_600_000_000, 0),
        ("month", 2_629_800_000_000, 0),
        ("w", 604_800_000_000, 0),
        ("d", 86_400_000_000, 0),
        ("h", 3_600_000_000, 0),
        ("min", 60_000_000, 0),
        ("s", 1_000_000, 6),
        ("ms", 1_000, 3),
        ("us", 1, 0),
    ];
    match usec {
        u64::MAX => return "infinity".to_owned(),
        0 => return "0".to_owned(),
        _ => {}
    }
    let mut parts = Vec::new();
    for (unit, size, digits) in UNITS {
        if usec < size || usec == 0 {
            continue;
        }
        let (whole, rest) = (usec / size, usec % size);
        if usec < 60_000_000 && rest > 0 {
            parts.push(format!("{whole}.{rest:0digits$}{unit}"));
            break;
        }
        parts.push(format!("{whole}{unit}"));
        usec = rest;
    }
    parts.join(" ")
}

fn signal(number: i64) -> &'static str {
    match number {
        9 => "KILL",
        13 => "PIPE",
        15 => "TERM",
        other => panic!("a signal that these tests do not use: {other}"),
    }
}

fn statuses(json: &Json) -> String {
    let status = json[0]
        .as_array()
        .expect("statuses")
        .iter()
        .map(Json::to_string);
    let signals = json[1].as_array().expect("signals").iter();
    let signals = signals.map(|number| signal(number.as_i64().expect("a signal")).to_owned());
    status.chain(signals).collect::<Vec<_>>().join(" ")
}

/// One command of `ExecStart` and its like.
fn command(json: &Json, key: &str, flags: &str) -> String {
    let time = |at: usize| match number(&json[at]) {
        0 => "n/a".to_owned(),
        usec => date(usec),
    };
    let (code, status) = (number(&json[8]), number(&json[9]));
    // CLD_EXITED, CLD_KILLED of waitid(2).
    let (code, status) = match code {
        0 => ("(null)", "0/0".to_owned()),
        1 => ("exited", status.to_string()),
        2 => (
            "killed",
            format!("{status}/{}", signal(status.try_into().expect("a signal"))),
        ),
        other => panic!("a code that these tests do not use: {other}"),
    };
    format!(
        "{{ path={} ; argv[]={} ; {key}={flags} ; start_time=[{}] ; stop_time=[{}] ; pid={} ; code={code} ; status={status} }}",
        text(&json[0]),
        words(&json[1]),
        time(3),
        time(5),
        json[7],
    )
}

/// Names by number, from linux/capability.h.
const CAPABILITIES: [&str; 41] = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];
