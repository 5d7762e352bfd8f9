//! The report for people: the verdict first, then what fails with the line
//! that causes it and the way out, and what is fine in one line.

mod fix;
mod headline;
mod page;
mod picture;
mod rest;
mod shell;
mod symptom;
mod unknown;

use nodepol_model::{Finding, Fix, Horizon, PolicyReport, Report, Verdict};

use crate::options::Options;

use symptom::{Folded, Place};

pub use page::Page;
pub use page::style;

/// The report as text.
pub fn render(report: &Report, options: &Options) -> String {
    let mut page = Page::new(options.color, options.width);
    headline::write(&mut page, report, options.fail_on);
    headline::write_node(&mut page, report);

    let folded = Folded::of(report);
    let order = causes_first(by_gravity(report), &folded);
    let mut told = Vec::new();
    for &index in &order {
        write_policy(&mut page, report, index, &folded, options, &mut told);
    }
    unknown::write(&mut page, report, &folded);
    rest::write_waiting(&mut page, report);
    rest::write_waived(&mut page, report);
    rest::write_errors(&mut page, report);
    rest::write_quiet(&mut page, report);
    page.finish()
}

/// The policies, gravest first: by verdict, severity, id.
fn by_gravity(report: &Report) -> Vec<usize> {
    let mut order: Vec<usize> = (0..report.policies.len()).collect();
    order.sort_by(|&a, &b| {
        let key = |index: usize| {
            report
                .policies
                .get(index)
                .map(|policy| (worst(policy), policy.severity, &policy.id))
        };
        let (a, b) = (key(a), key(b));
        match (a, b) {
            (Some(a), Some(b)) => (b.0, b.1).cmp(&(a.0, a.1)).then_with(|| a.2.cmp(b.2)),
            _ => a.is_some().cmp(&b.is_some()),
        }
    });
    order
}

/// Puts a policy that has to be told before another one there.
fn causes_first(order: Vec<usize>, folded: &Folded) -> Vec<usize> {
    let mut sorted = Vec::with_capacity(order.len());
    for index in order {
        for index in folded.before(index).into_iter().chain([index]) {
            if !sorted.contains(&index) {
                sorted.push(index);
            }
        }
    }
    sorted
}

/// The graver of a policy's verdicts; not applicable for one that failed itself.
fn worst(policy: &PolicyReport) -> Verdict {
    policy
        .verdict
        .map_or(Verdict::NotApplicable, |said| said.worst())
}

/// One policy that fails or warns, with what it found. `told` are the fixes that
/// were told so far, and by which policy.
fn write_policy<'a>(
    page: &mut Page,
    report: &'a Report,
    index: usize,
    folded: &Folded,
    options: &Options,
    told: &mut Vec<(&'a str, &'a Fix)>,
) {
    let Some(policy) = report.policies.get(index) else {
        return;
    };
    let verdict = worst(policy);
    if !matches!(verdict, Verdict::Fail | Verdict::Warn) {
        return;
    }
    let mut shown: Vec<(usize, &Finding)> = policy
        .findings
        .iter()
        .enumerate()
        .filter(|(_, finding)| finding.waived.is_none() && finding.verdict != Verdict::Unknown)
        .filter(|(at, _)| !folded.is_folded(Place(index, *at)))
        .collect();
    shown.sort_by_key(|(at, finding)| (std::cmp::Reverse(finding.verdict), *at));
    // All of it is a symptom of something that is shown elsewhere. What is left
    // may still be a note, which by itself is not worth a heading.
    let speaks = |finding: &Finding| finding.verdict >= Verdict::Warn;
    if policy.findings.iter().any(speaks) && !shown.iter().any(|(_, finding)| speaks(finding)) {
        return;
    }

    page.blank();
    page.line(
        0,
        &[
            (style::of(verdict), &headline::tag(verdict)),
            (style::STRONG, &policy.id),
            (
                style::DIM,
                &format!("  {}, {}", policy.severity, horizons(policy)),
            ),
        ],
    );
    if shown.is_empty() {
        page.paragraph(2, 2, style::PLAIN, &policy.summary);
    }
    for (at, finding) in shown {
        write_finding(page, policy, finding, verdict);
        for cause in folded.under(Place(index, at)) {
            write_symptom(page, report, *cause);
        }
        if let Some(fix) = &finding.fix {
            // Findings often share a way out.
            match told
                .iter()
                .find(|(_, told)| told.steps.starts_with(&fix.steps))
            {
                Some((by, _)) if *by == policy.id => fix::write_again(page, fix, "as above"),
                Some((by, _)) => fix::write_again(page, fix, &format!("as for {by} above")),
                None => fix::write(page, fix),
            }
            told.push((&policy.id, fix));
        }
    }
    if let Some(explanation) = options.explanations.get(&policy.id) {
        page.labelled(2, "rule", &explanation.rule);
        page.labelled(
            2,
            "more",
            &match &explanation.documentation {
                Some(url) => format!("{url}, or `nodepol explain {}`", policy.id),
                None => format!("`nodepol explain {}`", policy.id),
            },
        );
    }
}

/// `now fail, next boot pass`: what a policy says where it is applicable.
fn horizons(policy: &PolicyReport) -> String {
    let Some(said) = policy.verdict else {
        return String::new();
    };
    let said: Vec<String> = [(Horizon::Now, "now"), (Horizon::NextBoot, "next boot")]
        .into_iter()
        .filter(|(horizon, _)| said.at(*horizon) != Verdict::NotApplicable)
        .map(|(horizon, name)| format!("{name}: {}", said.at(horizon)))
        .collect();
    said.join(", ")
}

fn write_finding(page: &mut Page, policy: &PolicyReport, finding: &Finding, heading: Verdict) {
    // What the heading says already is not said again.
    let prefix = match finding.verdict {
        verdict if verdict == heading => String::new(),
        Verdict::Pass => "note: ".to_owned(),
        verdict => format!("{verdict}: "),
    };
    let when = match finding.horizons.as_slice() {
        [Horizon::Now] if says_both(policy) => " (now)",
        [Horizon::NextBoot] if says_both(policy) => " (next boot)",
        _ => "",
    };
    page.paragraph(
        2,
        2,
        style::PLAIN,
        &format!(
            "{prefix}{}{when} [{}/{}]",
            finding.message, policy.id, finding.id
        ),
    );
    for evidence in &finding.evidence {
        picture::write(page, evidence, finding.verdict);
    }
}

/// Whether it must be said which horizon a finding of `policy` is about.
fn says_both(policy: &PolicyReport) -> bool {
    policy.verdict.is_some_and(|said| {
        said.now != Verdict::NotApplicable && said.next_boot != Verdict::NotApplicable
    })
}

/// One line under the cause.
fn write_symptom(page: &mut Page, report: &Report, place: Place) {
    let Some(policy) = report.policies.get(place.0) else {
        return;
    };
    let Some(finding) = policy.findings.get(place.1) else {
        return;
    };
    page.paragraph(
        2,
        6,
        style::DIM,
        &format!(
            "  hence {}/{} ({}): {}",
            policy.id, finding.id, finding.verdict, finding.message
        ),
    );
}
