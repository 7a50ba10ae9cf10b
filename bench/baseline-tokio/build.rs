//! Tells the program which versions it was built from, so that a report can name them.
//!
//! The versions are those of the Cargo.lock that this very build resolved.
use std::process::Command;
use std::{env, fs};

fn main() {
    let lock = format!(
        "{}/Cargo.lock",
        env::var("CARGO_MANIFEST_DIR").expect("set by cargo")
    );
    let packages = fs::read_to_string(&lock).unwrap_or_default();
    for (name, variable) in [
        ("tokio", "VERSION_TOKIO"),
        ("tokio-util", "VERSION_TOKIO_UTIL"),
        ("serde_json", "VERSION_SERDE_JSON"),
    ] {
        println!("cargo:rustc-env={variable}={}", version_of(&packages, name));
    }
    let rustc = env::var("RUSTC").expect("set by cargo");
    let version = Command::new(rustc)
        .arg("--version")
        .output()
        .expect("rustc runs")
        .stdout;
    println!(
        "cargo:rustc-env=VERSION_RUSTC={}",
        String::from_utf8_lossy(&version).trim()
    );
    println!("cargo:rerun-if-changed={lock}");
}

/// The version that stands behind `name = "NAME"` in the lock file.
fn version_of<'a>(packages: &'a str, name: &str) -> &'a str {
    let wanted = format!("name = \"{name}\"");
    packages
        .lines()
        .skip_while(|line| *line != wanted)
        .nth(1)
        .and_then(|line| line.strip_prefix("version = \""))
        .and_then(|line| line.strip_suffix('"'))
        .unwrap_or("unknown")
}
