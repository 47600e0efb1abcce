//! Throwaway PostgreSQL and Redis for the tests, stopped however the run ends.

pub(crate) mod programs;
mod server;
mod sites;

use std::ffi::OsString;
use std::io;
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, ensure};

use self::server::Server;
use self::sites::Site;

/// Runs `command` with the addresses of the servers in its environment; without a command prints
/// them and waits for the end of the input.
///
/// # Errors
/// If a server cannot be started, or the command fails.
pub(crate) fn run(command: &[OsString]) -> Result<()> {
    let services = Services::start()?;
    let Some((program, args)) = command.split_first() else {
        for (name, address) in &services.addresses {
            println!("export {name}='{address}'");
        }
        eprintln!("running until the end of the input, or Ctrl-C");
        io::copy(&mut io::stdin(), &mut io::sink())?;
        return Ok(());
    };
    services.execute(Command::new(program).args(args))
}

/// The same for a command that is made already.
///
/// # Errors
/// If a server cannot be started, or the command fails.
pub(crate) fn execute(command: &mut Command) -> Result<()> {
    Services::start()?.execute(command)
}

/// Installs what is missing, so that a later run need not.
///
/// # Errors
/// If something is missing and cannot be installed here.
pub(crate) fn provide() -> Result<()> {
    let missing = SERVICES.iter().filter(|service| {
        service.given(variable).is_none() && programs::find(service.program).is_none()
    });
    let missing: Vec<_> = missing.collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<_> = missing.iter().map(|service| service.package).collect();
    let own: Vec<_> = missing.iter().map(|service| service.own).collect();
    let instead = format!("{} to a server of your own", own.join(" and "));
    programs::install(&packages, &instead)
}

/// The servers of this run. They end with it.
struct Services {
    addresses: Vec<(&'static str, String)>,
    /// Before the site, so that no server loses its files while it runs.
    _servers: Vec<Server>,
    _site: Site,
}

impl Services {
    fn execute(&self, command: &mut Command) -> Result<()> {
        let status = command.envs(self.addresses.iter().cloned()).status();
        let program = command.get_program().display();
        let status = status.with_context(|| format!("{program}: cannot be started"))?;
        ensure!(status.success(), "{program}: {status}");
        Ok(())
    }

    fn start() -> Result<Self> {
        provide()?;
        let site = Site::new()?;
        let mut servers = Vec::new();
        let mut addresses = Vec::new();
        for service in &SERVICES {
            let address = match service.given(variable) {
                Some(address) => address,
                None => {
                    let (server, address) = (service.start)(&site)?;
                    servers.push(server);
                    address
                }
            };
            addresses.push((service.variable, address));
        }
        Ok(Self {
            addresses,
            _servers: servers,
            _site: site,
        })
    }
}

/// A server that the tests need.
struct Service {
    /// The variable in which the tests expect its address.
    variable: &'static str,
    /// The variable with the address of a server that runs anyway.
    own: &'static str,
    /// How an address of such a server begins.
    schemes: &'static [&'static str],
    /// A program of the package by which one knows that it is installed.
    program: &'static str,
    package: &'static str,
    start: fn(&Site) -> Result<(Server, String)>,
}

impl Service {
    /// The address of a server that is not ours, if the environment names one.
    fn given(&self, variable: impl Fn(&str) -> Option<String>) -> Option<String> {
        let own = variable(self.own).filter(|address| {
            let mut schemes = self.schemes.iter();
            schemes.any(|scheme| address.starts_with(scheme))
        });
        variable(self.variable).or(own)
    }
}

const SERVICES: [Service; 2] = [
    Service {
        variable: "CLERK_GATE_TEST_POSTGRES",
        own: "DATABASE_URL",
        schemes: &["postgres://", "postgresql://"],
        program: "initdb",
        package: "postgresql",
        start: start_postgres,
    },
    Service {
        variable: "CLERK_GATE_TEST_REDIS",
        own: "REDIS_URL",
        schemes: &["redis://", "rediss://"],
        program: "redis-server",
        package: "redis-server",
        start: start_redis,
    },
];

/// An environment variable, unless it is empty.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn start_postgres(site: &Site) -> Result<(Server, String)> {
    let initdb = programs::find("initdb").context("initdb: not found")?;
    let (port, password) = (server::free_port()?, sites::password()?);
    fs::write(site.path().join("password"), &password)?;
    let mut command = site.command(&initdb);
    command.args("--pgdata=data --username=postgres --pwfile=password".split(' '));
    command.args("--auth=scram-sha-256 --encoding=UTF8 --no-locale --no-sync".split(' '));
    let output = command.output().context("initdb: cannot be started")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "initdb: {complaint}");

    let mut command = site.command(&initdb.with_file_name("postgres"));
    command.args(["-D", "data", "-p", &port.to_string()]);
    for setting in [
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "shared_buffers=16MB",
    ] {
        command.args(["-c", setting]);
    }
    let pid_file = site.path().join(sites::POSTGRES_PID);
    let is_ready = || fs::read_to_string(&pid_file).is_ok_and(|text| says_ready(&text));
    let server = Server::start("postgres", command, site.path(), is_ready)?;
    let address = format!("postgres://postgres:{password}@127.0.0.1:{port}/postgres");
    Ok((server, address))
}

/// Whether PostgreSQL takes connections, by the eighth line of its `postmaster.pid`.
fn says_ready(pid_file: &str) -> bool {
    pid_file
        .lines()
        .nth(7)
        .is_some_and(|line| line.trim() == "ready")
}

fn start_redis(site: &Site) -> Result<(Server, String)> {
    let program = programs::find("redis-server").context("redis-server: not found")?;
    let (port, password) = (server::free_port()?, sites::password()?);
    // Written through at once, as PostgreSQL does: the tests kill servers.
    let settings = format!(
        "bind 127.0.0.1\nport {port}\nrequirepass {password}\npidfile {pid}\n\
        save \"\"\nappendonly yes\nappendfsync always\n\
        maxmemory 256mb\nmaxmemory-policy noeviction\n",
        pid = sites::REDIS_PID,
    );
    fs::write(site.path().join("redis.conf"), settings)?;
    let mut command = site.command(&program);
    command.arg("redis.conf");
    let is_ready = || server::listens(port);
    let server = Server::start("redis", command, site.path(), is_ready)?;
    Ok((
        server,
        format!("redis://default:{password}@127.0.0.1:{port}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_from_the_environment_comes_first() {
        fn check(variables: &[(&str, &str)], want: [Option<&str>; 2]) {
            let variable = |asked: &str| {
                let mut variables = variables.iter();
                let (_, value) = variables.find(|(name, _)| *name == asked)?;
                Some((*value).to_owned())
            };
            let given = SERVICES.map(|service| service.given(variable));
            assert_eq!(given.each_ref().map(Option::as_deref), want);
        }
        let test = ("CLERK_GATE_TEST_POSTGRES", "postgres://test");
        let own = ("DATABASE_URL", "postgresql://own");
        check(&[], [None, None]);
        check(&[test], [Some(test.1), None]);
        check(&[own], [Some(own.1), None]);
        check(&[own, test], [Some(test.1), None]);
        check(&[("DATABASE_URL", "sqlite:app.db")], [None, None]);
        check(
            &[("REDIS_URL", "rediss://own")],
            [None, Some("rediss://own")],
        );
    }

    #[test]
    fn postgres_is_ready_when_its_pid_file_says_so() {
        fn check(pid_file: &str, want: bool) {
            assert_eq!(says_ready(pid_file), want, "{pid_file}");
        }
        let start = "21864\n/data\n1795450789\n55441\n\n127.0.0.1\n 10117131 4\n";
        check(start, false);
        check(&format!("{start}starting\n"), false);
        check(&format!("{start}ready   \n"), true);
        check("ready", false);
    }
}
