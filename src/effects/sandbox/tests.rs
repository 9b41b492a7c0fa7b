//! The sandbox, for real: each test has a data directory of its own and starts PostgreSQL in it.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

const SMALL: &str = "-- A small sample\n-- step: Shelf\ncreate table shelf (id int);\n-- step: Lamp\ninsert into shelf values (1), (2);\n";

/// A data directory that goes with the test. It can be entered by the user who runs the server.
struct Home(PathBuf);

impl Home {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name =
            format!("tusk-test-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).expect("the temporary directory is writable");
        Self(path)
    }

    fn options(&self) -> SandboxOptions {
        let fallbacks = vec![self.0.join("elsewhere")];
        let data_dir = self.0.join("data");
        SandboxOptions { fallbacks, sample: Cow::Borrowed(SMALL), ..SandboxOptions::new(data_dir) }
    }

    fn start(&self) -> Sandbox {
        start_with(self.options())
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).expect("the test's files can be removed");
    }
}

#[track_caller]
fn start_with(options: SandboxOptions) -> Sandbox {
    smol::block_on(start(options, |_| {})).expect("the sandbox starts")
}

fn psql(sandbox: &Sandbox, sql: &str) -> Command {
    let mut command = Command::new(&sandbox.installation.psql);
    command.args([
        "-XAt",
        "-U",
        &sandbox.user,
        "-h",
        &sandbox.host,
        "-p",
        &sandbox.port.to_string(),
    ]);
    command.args(["-d", &sandbox.database, "-c", sql]);
    if let Some(password) = &sandbox.password {
        command.env("PGPASSWORD", password);
    }
    command
}

#[track_caller]
fn query(sandbox: &Sandbox, sql: &str) -> String {
    let output = psql(sandbox, sql).output().expect("psql runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

/// A session whose end shows that its server has stopped.
fn session(sandbox: &Sandbox) -> Child {
    let mut command = psql(sandbox, "select pg_sleep(120)");
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("psql runs");
    while query(
        sandbox,
        "select count(*) from pg_stat_activity where query = 'select pg_sleep(120)'",
    ) == "0"
    {}
    child
}

#[track_caller]
fn wait_for_the_stop(session: Child) {
    let output = session.wait_with_output().expect("psql ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("administrator command"), "the session ended another way: {said}");
}

/// Kills the shell that watches this sandbox's server.
fn kill_the_watcher(sandbox: &Sandbox) {
    let cluster = sandbox.installation.place.cluster().display().to_string();
    let listed = Command::new("ps").args(["-eo", "pid=,args="]).output().expect("ps runs");
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let wanted = |line: &&str| line.contains(&cluster) && line.contains("kill -INT");
    let line = listed.lines().find(wanted).expect("a watcher runs");
    let pid: i32 = line.split_whitespace().next().and_then(|pid| pid.parse().ok()).expect("a pid");
    let pid = rustix::process::Pid::from_raw(pid).expect("a pid");
    // The shell has a group of its own; what it runs goes with it.
    rustix::process::kill_process_group(pid, rustix::process::Signal::KILL)
        .expect("it can be killed");
}

#[test]
fn the_first_start_loads_the_sample_and_the_second_finds_it() {
    let home = Home::new();
    let mut steps = Vec::new();
    let first = smol::block_on(start(home.options(), |progress| steps.push(progress)))
        .expect("the sandbox starts");
    let mut order: Vec<Step> = steps.iter().map(|progress| progress.step).collect();
    order.dedup();
    assert_eq!(
        order,
        [Step::Finding, Step::Initializing, Step::Starting, Step::Loading, Step::Ready]
    );
    let loading: Vec<(&str, u64, u64)> = steps
        .iter()
        .filter(|progress| progress.step == Step::Loading)
        .map(|progress| (progress.detail.as_str(), progress.done, progress.total))
        .collect();
    let expected = [
        ("Creating the database", 0, 3),
        ("Shelf", 0, 3),
        ("Lamp", 1, 3),
        ("Naming the database", 2, 3),
        ("Done", 3, 3),
    ];
    assert_eq!(loading, expected);
    assert_eq!(first.origin, Origin::Started);
    query(&first, "insert into shelf values (3)");
    smol::block_on(first.stop()).expect("it stops");

    let mut steps = Vec::new();
    let second = smol::block_on(start(home.options(), |progress| steps.push(progress.step)))
        .expect("it starts again");
    assert_eq!(steps, [Step::Finding, Step::Starting, Step::Ready]);
    assert_eq!(query(&second, "select count(*) from shelf"), "3");
    smol::block_on(second.stop()).expect("it stops");
}

#[test]
fn only_the_owner_reaches_the_socket_and_nobody_the_network() {
    use std::os::unix::fs::MetadataExt;
    let home = Home::new();
    let sandbox = home.start();
    for directory in [Path::new(&sandbox.host), &sandbox.installation.place.base] {
        let metadata = std::fs::metadata(directory).expect("it exists");
        assert_eq!(metadata.mode() & 0o777, 0o700, "{}", directory.display());
    }
    assert_eq!(query(&sandbox, "show listen_addresses"), "");
    assert_eq!(query(&sandbox, "show fsync"), "on");
    query(&sandbox, "create role clerk login password 'x'");
    let mut as_clerk = psql(&sandbox, "select 1");
    let refused = as_clerk.args(["-U", "clerk", "-w"]).output().expect("psql runs");
    assert!(!refused.status.success(), "a role without its password came in");
    smol::block_on(sandbox.stop()).expect("it stops");
}

#[test]
fn two_share_a_server_and_the_last_one_stops_it() {
    let home = Home::new();
    let first = home.start();
    let second = home.start();
    assert_eq!((second.origin, second.pid), (Origin::Shared, first.pid));
    smol::block_on(first.stop()).expect("it stops");
    assert_eq!(query(&second, "select count(*) from shelf"), "2");
    let session = session(&second);
    smol::block_on(second.stop()).expect("it stops");
    wait_for_the_stop(session);
}

#[test]
fn a_server_that_nobody_uses_any_more_stops_by_itself() {
    let home = Home::new();
    let sandbox = home.start();
    let session = session(&sandbox);
    drop(sandbox);
    wait_for_the_stop(session);
    let next = home.start();
    assert_eq!(next.origin, Origin::Started);
    smol::block_on(next.stop()).expect("it stops");
}

#[test]
fn a_server_left_running_is_taken_over_and_watched_again() {
    let home = Home::new();
    let left = home.start();
    let pid = left.pid;
    kill_the_watcher(&left);
    drop(left);
    let next = home.start();
    assert_eq!((next.origin, next.pid), (Origin::TakenOver, pid));
    let session = session(&next);
    drop(next);
    wait_for_the_stop(session);
    // A start that follows waits for the end of the stop, so that nothing writes when the files are removed.
    smol::block_on(home.start().stop()).expect("it stops");
}

#[test]
fn a_killed_postmaster_is_replaced() {
    let home = Home::new();
    let sandbox = home.start();
    let killed = sandbox.pid;
    let pid = rustix::process::Pid::from_raw(killed.try_into().expect("a pid")).expect("a pid");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it can be killed");
    drop(sandbox);
    let next = home.start();
    assert_ne!(next.pid, killed);
    assert_eq!(query(&next, "select count(*) from shelf"), "2");
    smol::block_on(next.stop()).expect("it stops");
}

#[test]
fn a_pid_file_with_a_strangers_process_is_cleaned_up() {
    let home = Home::new();
    let sandbox = home.start();
    let cluster = sandbox.installation.place.cluster();
    let account = sandbox.installation.place.account.clone();
    smol::block_on(sandbox.stop()).expect("it stops");
    let mut stranger = Command::new("sleep");
    stranger.arg("600");
    if let Some(account) = account {
        stranger.uid(account.uid).gid(account.gid);
    }
    let mut stranger = stranger.spawn().expect("sleep runs");
    let text = format!(
        "{}\n{}\n1700000000\n5432\n/nowhere\n\n 1 2\nready   \n",
        stranger.id(),
        cluster.display()
    );
    std::fs::write(cluster.join("postmaster.pid"), text).expect("the file can be written");
    let next = home.start();
    assert_eq!(next.origin, Origin::Started);
    assert_eq!(stranger.try_wait().expect("it is ours"), None, "the stranger was hurt");
    stranger.kill().expect("it is ours");
    stranger.wait().expect("it ends");
    smol::block_on(next.stop()).expect("it stops");
}

#[test]
fn an_interrupted_load_is_begun_anew() {
    let home = Home::new();
    let slow = "\n-- step: One\ncreate table half ();\n-- step: Two\nselect pg_sleep(600);\n";
    let options = SandboxOptions { sample: Cow::Borrowed(slow), ..home.options() };
    let (sender, receiver) = flume::bounded(64);
    let starting =
        start(options, move |progress| sender.send(progress.detail).expect("the test listens"));
    let interrupted =
        smol::block_on(smol::future::or(async { starting.await.map(|_| ()) }, async {
            while receiver.recv_async().await.expect("it reports until it is dropped") != "Two" {}
            Ok(())
        }));
    assert_eq!(interrupted, Ok(()));
    let sandbox = home.start();
    assert_eq!(query(&sandbox, "select count(*) from shelf"), "2");
    let databases =
        query(&sandbox, "select string_agg(datname, ' ' order by datname) from pg_database");
    assert_eq!(databases, "postgres shop template0 template1");
    smol::block_on(sandbox.stop()).expect("it stops");
}

#[test]
fn a_load_that_fails_names_its_part_and_what_psql_said() {
    let home = Home::new();
    let broken = "\n-- step: Good\nselect 1;\n-- step: Bad\nselect 1/0;\n";
    let options = SandboxOptions { sample: Cow::Borrowed(broken), ..home.options() };
    let Err(SandboxError::LoadFailed { step, output }) = smol::block_on(start(options, |_| {}))
    else {
        panic!("a broken sample was loaded");
    };
    assert_eq!(step, "Bad");
    assert!(output.contains("division by zero"), "{output}");
    smol::block_on(home.start().stop()).expect("it stops");
}

#[test]
fn a_data_directory_with_a_long_name_has_its_socket_elsewhere() {
    let home = Home::new();
    let long = home.0.join("d".repeat(120)).join("it's \"here\", \\ äöü");
    std::fs::create_dir_all(&long).expect("a long name is allowed");
    let sandbox = start_with(SandboxOptions { data_dir: long.clone(), ..home.options() });
    assert!(sandbox.host.len() < 80, "{}", sandbox.host);
    assert!(sandbox.installation.place.base.starts_with(&long));
    assert_eq!(query(&sandbox, "select count(*) from shelf"), "2");
    let sockets = sandbox.host.clone();
    smol::block_on(sandbox.stop()).expect("it stops");
    std::fs::remove_dir_all(sockets).expect("the socket's directory can be removed");
}

#[test]
fn the_loopback_takes_the_password_alone() {
    let home = Home::new();
    let sandbox = start_with(SandboxOptions { loopback: true, ..home.options() });
    assert_eq!(sandbox.host, "127.0.0.1");
    assert_eq!(query(&sandbox, "select count(*) from shelf"), "2");
    let shown = format!("{sandbox:?} {:?}", sandbox.installation.link);
    let password = sandbox.password.clone().expect("the loopback has a password");
    assert!(!shown.contains(&password), "{shown}");
    let mut without = psql(&sandbox, "select 1");
    let refused = without.env("PGPASSWORD", "wrong").output().expect("psql runs");
    assert!(!refused.status.success(), "a wrong password came in");
    smol::block_on(sandbox.stop()).expect("it stops");
    let again = start_with(SandboxOptions { loopback: true, ..home.options() });
    assert_eq!(again.password.as_ref(), Some(&password));
    smol::block_on(again.stop()).expect("it stops");
}

#[test]
fn without_binaries_the_error_says_what_to_install() {
    let home = Home::new();
    let search =
        SearchPlaces { path: vec![home.0.clone()], patterns: vec![home.0.join("*").join("bin")] };
    let error = smol::block_on(start(SandboxOptions { search, ..home.options() }, |_| {}))
        .expect_err("nothing is there");
    let SandboxError::NoBinaries { searched, .. } = &error else { panic!("{error:?}") };
    assert_eq!(searched.len(), 2);
    assert!(error.to_string().contains("Install"), "{error}");
}

#[test]
fn files_of_another_version_are_left_alone() {
    let home = Home::new();
    let place = home.0.join("data/sandbox");
    let cluster = place.join("cluster");
    std::fs::create_dir(home.0.join("data")).expect("it can be made");
    let account = system::account_to_drop_to(&cluster);
    system::make_private_directory(&place, account.as_ref()).expect("it can be made");
    std::fs::create_dir(&cluster).expect("it can be made");
    std::fs::write(cluster.join("PG_VERSION"), "9\n").expect("it can be written");
    let error =
        smol::block_on(start(home.options(), |_| {})).expect_err("no version 9 is installed");
    let SandboxError::OtherVersion { cluster: made_by, .. } = &error else { panic!("{error:?}") };
    assert_eq!(made_by, "9");
    assert!(cluster.join("PG_VERSION").is_file());
}

#[test]
fn a_directory_of_somebody_else_is_refused() {
    let home = Home::new();
    let theirs = home.0.join("theirs");
    std::fs::create_dir(&theirs).expect("it can be made");
    let stranger = system::Account { name: "stranger".to_owned(), uid: 12345, gid: 12345 };
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&theirs, Some(stranger.uid), Some(stranger.gid))
            .expect("root may give it away");
        let refused = system::make_private_directory(&theirs, None);
        assert!(matches!(refused, Err(SandboxError::NotPermitted { .. })), "{refused:?}");
    }
    let link = home.0.join("link");
    std::os::unix::fs::symlink(&home.0, &link).expect("it can be made");
    let refused = system::make_private_directory(&link, None);
    assert!(matches!(refused, Err(SandboxError::NotPermitted { .. })), "{refused:?}");
}

#[test]
fn a_directory_that_others_may_enter_is_refused_and_stays_as_it_is() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let home = Home::new();
    let place = home.0.join("data/sandbox");
    std::fs::create_dir(home.0.join("data")).expect("it can be made");
    let account = system::account_to_drop_to(&place);
    system::make_private_directory(&place, account.as_ref()).expect("it can be made");
    for mode in [0o755, 0o770, 0o701] {
        std::fs::set_permissions(&place, std::fs::Permissions::from_mode(mode))
            .expect("it is ours");
        let error = smol::block_on(start(home.options(), |_| {})).expect_err("it is open");
        let command = format!("chmod 700 {}", place.display());
        assert!(error.to_string().contains(&command), "{error}");
        let found = std::fs::metadata(&place).expect("it is there");
        assert_eq!(found.mode() & 0o777, mode);
        assert_eq!(std::fs::read_dir(&place).map(Iterator::count).ok(), Some(0));
    }
}

#[test]
fn root_uses_another_place_where_the_servers_user_cannot_enter() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    let closed = home.0.join("closed");
    std::fs::create_dir(&closed).expect("it can be made");
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o700)).expect("it is ours");
    let sandbox = start_with(SandboxOptions { data_dir: closed.join("data"), ..home.options() });
    let base = sandbox.installation.place.base.clone();
    let elsewhere = rustix::process::geteuid().is_root();
    assert_eq!(base.starts_with(home.0.join("elsewhere")), elsewhere, "{}", base.display());
    assert_eq!(closed.join("data/sandbox").canonicalize().ok(), base.canonicalize().ok());
    assert_eq!(query(&sandbox, "select count(*) from shelf"), "2");
    smol::block_on(sandbox.stop()).expect("it stops");
}

#[test]
fn the_sample_shop_is_whole_and_the_same_everywhere() {
    let home = Home::new();
    let sandbox =
        start_with(SandboxOptions { sample: Cow::Borrowed(load::SAMPLE), ..home.options() });
    let digest = "select count(*), sum(total), max(placed_at), sum(hashtextextended(status::text || ship_to::text, 0) % 1000) from orders";
    assert_eq!(query(&sandbox, digest), "100000|141071105.52|2026-11-21 07:00:52+00|-146296");
    let lines = "select count(*) from orders o where total <> (select sum(line_total) from order_items where order_id = o.id)";
    assert_eq!(query(&sandbox, lines), "0");
    // Types that nobody can write as text, and the insides of other types.
    let missing = "select string_agg(t.typname, ' ' order by 1) from pg_type t
        where t.typnamespace = 'pg_catalog'::regnamespace and t.typtype in ('b', 'r', 'm') and t.typcategory not in ('A', 'Z', 'P')
          and t.typname not in ('pg_node_tree', 'pg_ndistinct', 'pg_dependencies', 'pg_mcv_list', 'gtsvector', 'pg_brin_bloom_summary', 'pg_brin_minmax_multi_summary')
          and not exists (select from pg_attribute a where a.attrelid = 'every_type'::regclass and a.atttypid = t.oid and a.attnum > 0)";
    assert_eq!(query(&sandbox, missing), "");
    assert_eq!(
        query(
            &sandbox,
            "select count(*) from reporting.revenue_by_month where top_product is null"
        ),
        "0"
    );
    let kinds = "select string_agg(distinct relkind::text, '' order by relkind::text) from pg_class where relnamespace = 'public'::regnamespace";
    assert_eq!(query(&sandbox, kinds), "ISciprv");
    smol::block_on(sandbox.stop()).expect("it stops");
}
