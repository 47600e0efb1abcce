//! Real files, rotated and torn under the sink's hands.

use std::fs::{self, File, OpenOptions};
use std::future::Future;
use std::io::Write;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use clerk_gate_audit_file::AuditFile;
use clerk_gate_core::{Decision, Gate, Policy, RequestView, Rule, Waited};
use clerk_gate_testkit::{Signer, Token, gate};

/// A folder of one test, gone at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = format!("clerk-gate-audit-file-{}-{name}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The paths of the events in a file, each line being whole.
    fn events(&self, name: &str) -> Vec<String> {
        let text = fs::read_to_string(self.file(name)).unwrap();
        let lines = text.lines().filter(|line| line.ends_with('}'));
        let path = |line: &str| {
            let (_, rest) = line.split_once("\"path\":\"").unwrap();
            rest.split('"').next().unwrap().to_owned()
        };
        lines.map(path).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn gate_with(sink: AuditFile) -> Gate {
    let oneself = clerk_gate_core::Requirement::no_impersonation();
    let billing = Rule::session("/billing/{*rest}").safeguards(oneself);
    let policy = Policy::builder().public("/{*rest}").rule(billing);
    let gate = gate(policy.build().unwrap()).with_audit(Arc::new(sink));
    gate.build().unwrap()
}

fn open(folder: &Folder) -> Gate {
    gate_with(AuditFile::open(folder.file("audit.jsonl")).unwrap())
}

fn ask(gate: &Gate, path: &str) -> u16 {
    let line = format!("Bearer {}", Token::session().sign(Signer::primary()));
    let mut request = RequestView::new("GET", path, None);
    request.header("authorization", line.as_bytes());
    let mut decision = gate.decide(&request);
    while let Decision::Await(wait) = decision {
        decision = gate.resume(&request, block_on(wait));
    }
    match decision {
        Decision::Proceed(_) => 200,
        Decision::Respond(reply) => reply.status(),
        other => panic!("{other:?}"),
    }
}

fn block_on(future: impl Future<Output = Waited>) -> Waited {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn events_are_appended_to_what_is_there() {
    let folder = Folder::new("append");
    fs::write(folder.file("audit.jsonl"), "{\"path\":\"/before\"}\n").unwrap();
    let gate = open(&folder);
    assert_eq!(ask(&gate, "/a"), 200);
    assert_eq!(ask(&gate, "/billing/b"), 200);
    assert_eq!(
        folder.events("audit.jsonl"),
        ["/before", "/a", "/billing/b"]
    );
}

#[test]
fn a_new_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new("mode");
    drop(open(&folder));
    let mode = fs::metadata(folder.file("audit.jsonl"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_file_that_was_moved_deleted_or_truncated_is_followed_by_a_new_one() {
    let folder = Folder::new("rotate");
    let current = folder.file("audit.jsonl");
    let gate = open(&folder);
    assert_eq!(ask(&gate, "/billing/1"), 200);
    fs::rename(&current, folder.file("audit.jsonl.1")).unwrap();
    assert_eq!(ask(&gate, "/billing/2"), 200);
    assert_eq!(folder.events("audit.jsonl.1"), ["/billing/1"]);
    assert_eq!(folder.events("audit.jsonl"), ["/billing/2"]);

    fs::remove_file(&current).unwrap();
    assert_eq!(ask(&gate, "/3"), 200);
    assert_eq!(folder.events("audit.jsonl"), ["/3"]);

    File::options()
        .write(true)
        .truncate(true)
        .open(&current)
        .unwrap();
    assert_eq!(ask(&gate, "/4"), 200);
    assert_eq!(folder.events("audit.jsonl"), ["/4"]);

    // Moved away, with another in its place already.
    fs::rename(&current, folder.file("audit.jsonl.2")).unwrap();
    fs::write(&current, "").unwrap();
    assert_eq!(ask(&gate, "/5"), 200);
    assert_eq!(folder.events("audit.jsonl"), ["/5"]);
}

#[test]
fn a_torn_line_is_closed_before_the_next_event() {
    let folder = Folder::new("torn");
    fs::write(folder.file("audit.jsonl"), "{\"time\":1,\"pa").unwrap();
    let gate = open(&folder);
    assert_eq!(ask(&gate, "/a"), 200);
    let text = fs::read_to_string(folder.file("audit.jsonl")).unwrap();
    assert!(text.starts_with("{\"time\":1,\"pa\n{\"time\":"), "{text}");
    assert_eq!(folder.events("audit.jsonl"), ["/a"]);
}

#[test]
fn a_sensitive_route_does_not_run_while_its_event_cannot_be_written() {
    let folder = Folder::new("down");
    let gate = open(&folder);
    assert_eq!(ask(&gate, "/billing/1"), 200);
    // The folder is gone, and so is every place for a new file.
    fs::rename(&folder.0, folder.0.with_extension("away")).unwrap();
    assert_eq!(ask(&gate, "/billing/2"), 503);
    assert_eq!(ask(&gate, "/other"), 200);
    assert_eq!(gate.counts().lost_events, 2);
    fs::rename(folder.0.with_extension("away"), &folder.0).unwrap();
    assert_eq!(ask(&gate, "/billing/3"), 200);
    assert_eq!(folder.events("audit.jsonl"), ["/billing/1", "/billing/3"]);
}

#[test]
fn a_disk_that_is_full_is_an_error_and_not_a_silence() {
    let gate = gate_with(AuditFile::open("/dev/full").unwrap());
    assert_eq!(ask(&gate, "/billing/1"), 503);
    assert_eq!(ask(&gate, "/other"), 200);
    assert_eq!(gate.counts().lost_events, 2);
}

#[test]
fn lines_of_many_threads_and_files_stay_whole() {
    const THREADS: usize = 8;
    const EACH: usize = 200;
    let folder = Folder::new("threads");
    // Two sinks on one file, as of two processes.
    let gates = [open(&folder), open(&folder)];
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let gate = &gates[thread % 2];
            scope.spawn(move || {
                for n in 0..EACH {
                    let area = if n % 4 == 0 { "billing" } else { "other" };
                    assert_eq!(ask(gate, &format!("/{area}/{thread}/{n}")), 200);
                }
            });
        }
    });
    let mut events = folder.events("audit.jsonl");
    assert_eq!(events.len(), THREADS * EACH);
    events.sort();
    events.dedup();
    assert_eq!(events.len(), THREADS * EACH, "each once");
}

#[test]
fn a_file_that_cannot_be_opened_says_so() {
    let folder = Folder::new("folder");
    assert!(AuditFile::open(&folder.0).is_err());
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(folder.file("x"))
        .unwrap();
    file.write_all(b"x").unwrap();
    assert!(AuditFile::open(folder.file("x").join("y")).is_err());
}
