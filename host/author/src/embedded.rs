//! What this program carries for new projects: see `build.rs`.

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// The public interface, as the files of `wit/`: names and texts.
pub const fn wit_files() -> &'static [(&'static str, &'static str)] {
    WIT
}
