//! `page FIGURES PAGE NAME…`: makes `README.md` and its plots in the folder `PAGE` of the files
//! `NAME.jsonl` in the folder `FIGURES`; `cargo xtask bench` runs it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use clerk_gate_bench::{Figure, page};

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let (Some(figures), Some(folder)) = (arguments.next(), arguments.next()) else {
        bail!("want: page FIGURES PAGE NAME…");
    };
    let (figures, folder) = (PathBuf::from(figures), PathBuf::from(folder));
    let mut programs = Vec::new();
    for name in arguments {
        let path = figures.join(format!("{name}.jsonl"));
        // What was not run has no place on the page.
        if path.exists() {
            programs.push((name, read(&path)?));
        }
    }
    let plots = folder.join("plots");
    fs::create_dir_all(&plots).with_context(|| format!("{}: cannot be made", plots.display()))?;
    for (name, content) in page(&programs, &circumstances()?)? {
        let path = folder.join(name);
        let failure = || format!("{}: cannot be written", path.display());
        fs::write(&path, content).with_context(failure)?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<Figure>> {
    let text = fs::read_to_string(path);
    let text = text.with_context(|| format!("{}: cannot be read", path.display()))?;
    let figure = |line| {
        let figure = serde_json::from_str(line);
        figure.with_context(|| format!("{}: {line} is no figure", path.display()))
    };
    text.lines().map(figure).collect()
}

/// When, where, and with what this was measured.
fn circumstances() -> Result<String> {
    let processors = fs::read_to_string("/proc/cpuinfo").context("/proc/cpuinfo: needs Linux")?;
    let models = processors.lines().filter_map(|line| {
        let (name, model) = line.split_once(':')?;
        (name.trim() == "model name").then(|| model.trim())
    });
    let models: Vec<_> = models.collect();
    let model = models.first().unwrap_or(&"an unknown processor");
    let system = fs::read_to_string("/proc/sys/kernel/osrelease").context("/proc")?;
    let compiler = Command::new("rustc").arg("--version").output();
    let compiler = String::from_utf8(compiler.context("rustc: cannot be started")?.stdout)?;
    let compiler = compiler.split(" (").next().unwrap_or_default().trim();
    Ok(format!(
        "{}; {} × {model}; Linux {}; {compiler}",
        httpdate::fmt_http_date(SystemTime::now()),
        models.len(),
        system.trim()
    ))
}
