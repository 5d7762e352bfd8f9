//! What goes to standard error.

use std::io::{IsTerminal as _, Write as _};

use tracing_subscriber::filter::LevelFilter;

/// Starts the log: warnings, and with each `-v` more.
pub(crate) fn start(verbose: u8) {
    let level = match verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let color = std::io::stderr().is_terminal()
        && anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(color)
        .without_time()
        .with_target(verbose > 1)
        .init();
}

/// Says why there is no result.
pub(crate) fn fail(error: &anyhow::Error) {
    // If standard error is closed there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "error: {error:#}");
}
