//! The time where the user is, for the log and for the names of copies.
//!
//! On Unix the zone is looked for here, and its file is opened like any other (`regular_file`). jiff would open whatever
//! `TZ` names, and go through all zones of the system, or of whatever directory `TZDIR` names.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
#[cfg(unix)]
use {
    super::regular_file,
    std::{
        path::Path,
        sync::{Mutex, PoisonError},
        time::{Duration, Instant},
    },
};

/// Where a zone that `TZ` names is looked for.
pub const ZONES: [&str; 4] =
    ["/usr/share/zoneinfo", "/share/zoneinfo", "/etc/zoneinfo", "/usr/share/lib/zoneinfo"];

/// How long a zone is believed in: the system's changes with its user's travels.
#[cfg(unix)]
const BELIEVED: Duration = Duration::from_secs(60);

/// Now, where the user is.
pub fn now() -> DateTime {
    zone().to_datetime(Timestamp::now())
}

#[cfg(not(unix))]
fn zone() -> TimeZone {
    TimeZone::system()
}

#[cfg(unix)]
fn zone() -> TimeZone {
    static KNOWN: Mutex<Option<(Instant, TimeZone)>> = Mutex::new(None);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    match &*known {
        Some((since, zone)) if since.elapsed() < BELIEVED => zone.clone(),
        _ => {
            let zone = zone_called(std::env::var("TZ").ok().as_deref());
            *known = Some((Instant::now(), zone.clone()));
            zone
        }
    }
}

/// The zone of this name or rule, else the system's, else UTC.
#[cfg(unix)]
fn zone_called(name: Option<&str>) -> TimeZone {
    let named = name.and_then(|name| match name.trim_start_matches(':') {
        "" => Some(TimeZone::UTC),
        name => {
            // A name from the root stays what it is.
            let mut files = ZONES.iter().map(|directory| Path::new(directory).join(name));
            files.find_map(|file| zone_in(&file)).or_else(|| TimeZone::posix(name).ok())
        }
    });
    named.or_else(|| zone_in(Path::new("/etc/localtime"))).unwrap_or(TimeZone::UTC)
}

#[cfg(unix)]
fn zone_in(file: &Path) -> Option<TimeZone> {
    let bytes = regular_file::read(file, regular_file::SMALL).ok()?;
    TimeZone::tzif("", &bytes).ok()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// The hour in this zone when it is noon in Greenwich, on a day in November and one in July.
    fn hours(name: &str) -> [i8; 2] {
        let zone = zone_called(Some(name));
        let noon = |month| jiff::civil::date(2026, month, 22).at(12, 0, 0, 0);
        [11, 7].map(|month| {
            let at = TimeZone::UTC.to_timestamp(noon(month)).unwrap();
            zone.to_datetime(at).hour()
        })
    }

    #[test]
    fn a_zone_is_a_rule_or_a_file_and_nothing_is_utc() {
        assert_eq!(hours("CET-1CEST,M3.5.0,M10.5.0/3"), [13, 14]);
        assert_eq!(hours(""), [12, 12]);
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("zone");
        // Its head says: one kind of time, with a name of four bytes. It is five and a half hours ahead.
        let mut zone = b"TZif".to_vec();
        zone.extend([0; 16]);
        zone.extend([0, 0, 0, 0, 1, 4].map(u32::to_be_bytes).concat());
        zone.extend(19_800_i32.to_be_bytes());
        zone.extend(b"\0\0IST\0");
        std::fs::write(&file, zone).unwrap();
        assert_eq!(hours(file.to_str().unwrap()), [17, 17]);
        assert_eq!(hours(&format!(":{}", file.display())), [17, 17]);
    }

    #[test]
    fn what_names_no_zone_leaves_the_systems() {
        let system = zone_called(None);
        assert_eq!(zone_called(Some("Nowhere/At all")), system);
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(zone_called(directory.path().to_str()), system);
    }
}
