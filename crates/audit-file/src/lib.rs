//! The audit trail in a file: one line of JSON for each event, appended.
//!
//! ```
//! use std::sync::Arc;
//!
//! use clerk_gate_audit_file::AuditFile;
//! use clerk_gate_core::{Policy, Rule};
//! use clerk_gate_testkit::gate;
//!
//! # let folder = std::env::temp_dir().join(format!("clerk-gate-audit-{}", std::process::id()));
//! # std::fs::create_dir_all(&folder)?;
//! # let path = folder.join("audit.jsonl");
//! let policy = Policy::builder().rule(Rule::session("/billing/{*rest}").sensitive());
//! let gate = gate(policy.build()?)
//!     .with_audit(Arc::new(AuditFile::open(path)?))
//!     .build()?;
//! # std::fs::remove_dir_all(&folder)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - **Rotation.** When the file at the path is another one, because it was moved or deleted, the
//!   next event opens a new one. Truncating it in place works as well. No signal is needed.
//! - **Durability.** An event without which a request does not proceed is on the disk before it
//!   does: its request waits for `fdatasync`, its thread does not, and all that wait share one.
//! - **Whole lines.** A line is written at once. What a crash or a full disk has torn is closed by
//!   a line break before the next event.
//!
//! # What this crate does not do
//! It rotates nothing and deletes nothing: `logrotate` and its like do. Several processes may append
//! to one file on a local disk; over a network file system give each its own.

mod sync;

use std::fmt;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use clerk_gate_core::{Event, Recorded, Sink};

use self::sync::Syncer;

/// A [`Sink`] that appends to a file.
pub struct AuditFile {
    path: PathBuf,
    open: Mutex<Open>,
    syncer: Syncer,
}

struct Open {
    file: Arc<File>,
    identity: Identity,
    /// Whether the last line may lack its end.
    torn: bool,
}

impl AuditFile {
    /// Appends to the file at `path`, which is made if there is none, readable by its owner alone.
    ///
    /// # Errors
    /// If it cannot be opened for writing, or no thread can be started.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        Ok(Self {
            open: Mutex::new(Open::new(&path)?),
            syncer: Syncer::start()?,
            path,
        })
    }

    /// Appends the event, to the file that is at the path now.
    fn append(&self, event: &Event<'_>) -> io::Result<Arc<File>> {
        let mut line = event.to_json();
        line.push('\n');
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if identity_at(&self.path)? != Some(open.identity) {
            *open = Open::new(&self.path)?;
        }
        if open.torn {
            line.insert(0, '\n');
        }
        // One call: two processes do not mix their lines, and an error means that nothing came.
        let written = (&*open.file).write(line.as_bytes())?;
        open.torn = written < line.len();
        if open.torn {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(Arc::clone(&open.file))
    }
}

impl Sink for AuditFile {
    fn record(&self, event: &Event<'_>) -> io::Result<()> {
        self.append(event).map(drop)
    }

    fn record_durably(&self, event: &Event<'_>) -> Recorded {
        match self.append(event) {
            Ok(file) => Recorded::Later(Box::pin(self.syncer.sync(file))),
            Err(error) => Recorded::Now(Err(error)),
        }
    }
}

impl Open {
    fn new(path: &Path) -> io::Result<Self> {
        let is_new = !path.exists();
        let mut options = OpenOptions::new();
        options.append(true).create(true).read(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        if is_new {
            sync_folder(path)?;
        }
        let torn = is_torn(&mut file)?;
        Ok(Self {
            identity: identity(&file.metadata()?),
            file: Arc::new(file),
            torn,
        })
    }
}

/// Whether something stands behind the last line break.
fn is_torn(file: &mut File) -> io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

/// What tells a file from another that takes its place.
type Identity = (u64, u64);

#[cfg(unix)]
fn identity(metadata: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;

    (metadata.dev(), metadata.ino())
}

/// Elsewhere an open file can neither be moved nor deleted.
#[cfg(not(unix))]
fn identity(_: &Metadata) -> Identity {
    (0, 0)
}

/// The file that is at `path` now, if there is one.
fn identity_at(path: &Path) -> io::Result<Option<Identity>> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(identity(&metadata))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A new file is there after a crash only if its folder says so.
fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

impl fmt::Debug for AuditFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditFile")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
