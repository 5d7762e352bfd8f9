//! `nodepol facts` for people: one screen, each value with where it stands.

use nodepol_report::text::{Page, style};
use serde_json::Value;

/// A [`nodepol_facts::summary::Summary`] that was written as JSON, as text.
pub(crate) fn text(facts: &Value, color: bool, width: usize) -> String {
    let mut page = Page::new(color, width);
    node(&mut page, facts);
    for (name, unit) in entries(&facts["units"]) {
        write_unit(&mut page, name, unit);
    }
    kubelet(&mut page, &facts["kubelet"]);
    for runtime in items(&facts["runtimes"]) {
        write_runtime(&mut page, runtime);
    }
    swap(&mut page, &facts["swap"]);
    heading(&mut page, "cgroups");
    line(&mut page, "mode", &plain(&facts["cgroups"]["mode"]));
    line(
        &mut page,
        "at boot",
        &plain(&facts["cgroups"]["modeAtNextBoot"]),
    );
    line(&mut page, "has", &plain(&facts["cgroups"]["controllers"]));
    credentials(&mut page, &facts["credentials"]);
    page.finish()
}

fn node(page: &mut Page, facts: &Value) {
    let node = &facts["node"];
    page.line(0, &[(style::STRONG, "node")]);
    line(page, "name", &sourced(&node["hostname"]));
    line(page, "os", &plain(&node["os"]["prettyName"]));
    line(page, "kernel", &plain(&node["kernel"]));
    line(page, "init", &sourced(&node["init"]));
    line(page, "state", &plain(&node["joinState"]));
    line(page, "set up by", &sourced(&node["flavour"]));
    line(page, "as of", &plain(&facts["takenAt"]));
}

fn write_unit(page: &mut Page, name: &str, unit: &Value) {
    heading(page, name);
    if unit.is_null() {
        line(page, "is", "unknown");
        return;
    }
    let mut state = format!("{}, {}", plain(&unit["loadState"]), plain(&unit["enabled"]));
    if let Some(active) = unit["activeState"].as_str() {
        state.push_str(&format!(", {active} ({})", plain(&unit["subState"])));
    }
    line(page, "is", &state);
    line(page, "file", &plain(&unit["fragment"]));
    line(page, "drop-ins", &plain(&unit["dropIns"]));
    let links = items(&unit["enabledBy"]).map(|link| plain(&link["path"]));
    line(page, "wanted", &links.collect::<Vec<_>>().join(", "));
    line(page, "restart", &plain(&unit["restart"]));
    line(page, "slice", &plain(&unit["slice"]));
    for argv in items(&unit["execStart"]) {
        let words: Vec<String> = items(argv).map(plain).collect();
        line(page, "starts", &words.join(" "));
    }
}

fn kubelet(page: &mut Page, kubelet: &Value) {
    heading(page, "kubelet");
    let version = &kubelet["version"];
    line(
        page,
        "version",
        &with_origin(&version["text"], &version["origin"]),
    );
    line(page, "config", &sourced(&kubelet["configPath"]));
    let driver = &kubelet["cgroupDriver"];
    let asked = match driver["fromRuntime"].as_bool() {
        Some(true) => ", as the runtime answers",
        _ => "",
    };
    let driver = with_origin(&driver["value"], &driver["at"]);
    line(page, "driver", &format!("{driver}{asked}"));
    match kubelet["settings"].as_object() {
        None => line(page, "settings", "unknown"),
        Some(settings) => {
            for (name, setting) in settings {
                setting_line(page, name, setting);
            }
        }
    }
}

fn setting_line(page: &mut Page, name: &str, setting: &Value) {
    let value = plain(&setting["value"]);
    page.line(
        2,
        &[
            (style::PLAIN, &format!("{name}: {value}  ")),
            (style::DIM, &origin(&setting["origin"])),
        ],
    );
    for old in items(&setting["overridden"]) {
        page.line(
            6,
            &[(
                style::DIM,
                &format!(
                    "overrides {} of {}",
                    plain(&old["value"]),
                    origin(&old["origin"])
                ),
            )],
        );
    }
}

fn write_runtime(page: &mut Page, runtime: &Value) {
    heading(page, &plain(&runtime["name"]));
    let version = &runtime["version"];
    line(
        page,
        "version",
        &with_origin(&version["text"], &version["origin"]),
    );
    line(page, "selected", &plain(&runtime["selected"]));
    line(page, "endpoint", &plain(&runtime["endpoint"]));
    line(page, "config", &plain(&runtime["configPath"]));
    line(page, "driver", &sourced(&runtime["cgroupDriver"]));
    for handler in items(&runtime["handlers"]) {
        let name = plain(&handler["name"]);
        let driver = match &handler["cgroupDriver"] {
            Value::Null => "no cgroup driver".to_owned(),
            driver => plain(driver),
        };
        let default = if handler["isDefault"] == true {
            ", default"
        } else {
            ""
        };
        let place = origin(&handler["at"]);
        line(
            page,
            "handler",
            &format!("{name}: {driver}{default} ({place})"),
        );
    }
    for problem in items(&runtime["problems"]) {
        let place = with_origin(&problem["message"], &problem["at"]);
        line(page, "problem", &place);
    }
    write_running(page, &runtime["running"]);
}

/// What the daemon says of itself, which its files may say otherwise.
fn write_running(page: &mut Page, running: &Value) {
    if running.is_null() {
        return;
    }
    let version = &running["version"];
    line(
        page,
        "runs as",
        &with_origin(&version["text"], &version["origin"]),
    );
    line(page, "runs with", &sourced(&running["cgroupDriver"]));
    for condition in items(&running["conditions"]) {
        if condition["status"] == false {
            let kind = plain(&condition["type"]);
            line(
                page,
                "but not",
                &format!("{kind}: {}", plain(&condition["message"])),
            );
        }
    }
}

fn swap(page: &mut Page, swap: &Value) {
    heading(page, "swap");
    let list = |values: &Value, key: &str| match values.as_array() {
        None => vec!["unknown".to_owned()],
        Some(values) if values.is_empty() => vec!["none".to_owned()],
        Some(values) => values
            .iter()
            .map(|value| with_origin(&value[key], &value["at"]))
            .collect(),
    };
    for device in list(&swap["active"], "path") {
        line(page, "now", &device);
    }
    for activation in list(&swap["atNextBoot"], "what") {
        line(page, "at boot", &activation);
    }
}

fn credentials(page: &mut Page, credentials: &Value) {
    heading(page, "credentials");
    for (name, path) in entries(&credentials["paths"]) {
        line(page, name, &plain(path));
    }
    line(page, "rotates", &plain(&credentials["rotateCertificates"]));
    let start = &credentials["atStart"];
    match start {
        Value::Object(start) => {
            for (what, detail) in start {
                let why = match origin(&detail["at"]) {
                    at if detail["message"].is_null() => format!("({at})"),
                    _ => with_origin(&detail["message"], &detail["at"]),
                };
                line(page, "at start", &format!("{what} {why}"));
                for certificate in items(&detail["certificates"]).take(1) {
                    let until = plain(&certificate["notAfter"]);
                    line(
                        page,
                        "leaf",
                        &format!("{}, until {until}", plain(&certificate["subject"])),
                    );
                }
            }
        }
        other => line(page, "at start", &plain(other)),
    }
}

fn heading(page: &mut Page, name: &str) {
    page.blank();
    page.line(0, &[(style::STRONG, name)]);
}

/// A line, unless there is nothing to say.
fn line(page: &mut Page, label: &str, value: &str) {
    if !value.is_empty() {
        page.labelled(2, &format!("{label} "), value);
    }
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// A value in one line: `unknown` for `null`, nothing for an empty list.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "unknown".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// `{value, origin}`.
fn sourced(value: &Value) -> String {
    if value.is_null() {
        return "unknown".to_owned();
    }
    with_origin(&value["value"], &value["origin"])
}

fn with_origin(value: &Value, origin_of: &Value) -> String {
    match (value, origin(origin_of)) {
        (value, at) if at.is_empty() => plain(value),
        (value, at) => format!("{} ({at})", plain(value)),
    }
}

/// `path:line`, and the pointer where there is one.
fn origin(origin: &Value) -> String {
    let Some(source) = origin["source"].as_str() else {
        return String::new();
    };
    match origin["line"].as_u64() {
        Some(line) => format!("{source}:{line}"),
        None => source.to_owned(),
    }
}
