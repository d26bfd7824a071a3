//! The clients that people use, installed from their registries into `target/clients`.
//!
//! What is there already is left alone, so that a second run takes no time. The versions are pinned by
//! the lists in `tests/clients`; a changed list is installed anew.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;

use crate::run::{repository, succeed, target_directory};

/// Programs that must be on the machine, and the Debian package of each.
const PROGRAMS: [(&str, &str); 3] = [("python3", "python3"), ("node", "nodejs"), ("npm", "npm")];

pub(crate) fn install() -> anyhow::Result<()> {
    programs()?;
    let target = target_directory().join("clients");
    fs::create_dir_all(&target)?;
    // Two test programs may want this at the same time; the second waits and finds it done.
    let lock = fs::File::create(target.join("lock"))?;
    lock.lock().context("target/clients cannot be locked")?;
    let sources = repository().join("tests/clients");
    python(&sources, &target.join("venv"))?;
    node(&sources, &target.join("node"))
}

fn programs() -> anyhow::Result<()> {
    let mut packages: Vec<&str> = PROGRAMS
        .iter()
        .filter(|(program, _)| !runs(program, &["--version"]))
        .map(|(_, name)| *name)
        .collect();
    if !runs("python3", &["-c", "import venv, ensurepip"]) {
        packages.push("python3-venv");
    }
    if packages.is_empty() {
        return Ok(());
    }
    succeed(Command::new("apt-get").args(["update", "-qq"]))?;
    let mut install = Command::new("apt-get");
    install.args(["install", "-y", "-qq", "--no-install-recommends"]).args(&packages);
    succeed(install.env("DEBIAN_FRONTEND", "noninteractive"))
        .with_context(|| format!("install these yourself: {}", packages.join(" ")))
}

fn runs(program: &str, arguments: &[&str]) -> bool {
    let quiet = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    quiet.is_ok_and(|status| status.success())
}

fn python(sources: &Path, target: &Path) -> anyhow::Result<()> {
    let list = sources.join("requirements.txt");
    if is_installed(&list, target)? {
        return Ok(());
    }
    succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(target))?;
    let mut pip = Command::new(target.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&list);
    succeed(&mut pip)?;
    mark_installed(&list, target)
}

fn node(sources: &Path, target: &Path) -> anyhow::Result<()> {
    let list = sources.join("package-lock.json");
    if is_installed(&list, target)? {
        return Ok(());
    }
    fs::create_dir_all(target)?;
    for file in ["package.json", "package-lock.json", ".npmrc"] {
        fs::copy(sources.join(file), target.join(file))?;
    }
    succeed(Command::new("npm").args(["ci", "--ignore-scripts", "--silent", "--prefix"]).arg(target))?;
    mark_installed(&list, target)
}

fn is_installed(list: &Path, target: &Path) -> anyhow::Result<bool> {
    let wanted = fs::read(list).with_context(|| format!("{} cannot be read", list.display()))?;
    Ok(fs::read(target.join("installed")).is_ok_and(|installed| installed == wanted))
}

fn mark_installed(list: &Path, target: &Path) -> anyhow::Result<()> {
    fs::copy(list, target.join("installed"))?;
    Ok(())
}
