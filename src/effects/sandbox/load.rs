//! Loads the sample database, once.
//!
//! It is loaded under another name and renamed at the end: a database with the right name is complete, and the remains
//! of an interrupted load are dropped. So nothing that a user made in it is ever touched.

use std::time::Duration;

use super::error::SandboxError;
use super::process::Failure;
use super::server::{Context, Running};
use super::{Progress, Step};
use crate::effects::postgres::own_sql::{OwnSql, UNFINISHED_SAMPLE};

/// The sample shop.
pub const SAMPLE: &str = include_str!("../../../assets/sample.sql");
/// The timeout of one part, on a slow machine too.
const PART_LIMIT: Duration = Duration::from_secs(300);

/// Loads the sample unless it is there.
pub async fn load_once(
    context: Context<'_>,
    running: &Running,
    sample: &str,
    progress: &mut (impl FnMut(Progress) + Send),
) -> Result<(), SandboxError> {
    let question = OwnSql::SandboxSample {}.message();
    if execute(context, running, "postgres", "Looking for the sample", &question).await?.trim()
        == "1"
    {
        return Ok(());
    }
    let parts = parts(sample);
    let total = parts.len() as u64 + 1;
    let mut report = |done: usize, detail: &str| {
        progress(Progress {
            step: Step::Loading,
            detail: detail.to_owned(),
            done: done as u64,
            total,
        });
    };
    report(0, "Creating the database");
    let create = OwnSql::SandboxCreate {}.message();
    execute(context, running, "postgres", "Creating the database", &create).await?;
    for (number, (title, sql)) in parts.iter().enumerate() {
        report(number, title);
        execute(context, running, UNFINISHED_SAMPLE, title, sql).await?;
    }
    report(parts.len(), "Naming the database");
    let rename = OwnSql::SandboxFinish {}.message();
    execute(context, running, "postgres", "Naming the database", &rename).await?;
    report(parts.len() + 1, "Done");
    Ok(())
}

/// The parts of the sample: its `-- step:` lines with the SQL below each.
fn parts(sample: &str) -> Vec<(&str, &str)> {
    sample.split("\n-- step: ").skip(1).filter_map(|part| part.split_once('\n')).collect()
}

async fn execute(
    context: Context<'_>,
    running: &Running,
    database: &str,
    title: &str,
    sql: &str,
) -> Result<String, SandboxError> {
    let options = "-c synchronous_commit=off -c client_min_messages=warning -c maintenance_work_mem=128MB -c work_mem=64MB \
         -c default_statistics_target=25 -c jit=off";
    let task = context
        .psql("loading the sample database", &running.host, running.port, database)
        .variable("PGOPTIONS", options)
        .input(sql)
        .limit(PART_LIMIT);
    task.run().await.map_err(|failure| match failure {
        Failure::Exit(output) => {
            SandboxError::LoadFailed { step: title.to_owned(), output: output.trim().to_owned() }
        }
        Failure::Fatal(error) => error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_cut_at_its_step_lines() {
        assert_eq!(
            parts("-- story\n\n-- step: One\n\ncreate a;\n\n-- step: Two\nb;\n"),
            [("One", "\ncreate a;\n"), ("Two", "b;\n")]
        );
        let titles: Vec<&str> = parts(SAMPLE).iter().map(|(title, _)| *title).collect();
        assert_eq!(titles.len(), SAMPLE.matches("-- step: ").count());
        assert_eq!(
            (titles.first(), titles.last()),
            (Some(&"Schemas and types"), Some(&"Statistics"))
        );
    }

    #[test]
    fn the_sample_needs_neither_a_clock_nor_chance_for_its_rows() {
        for (title, sql) in parts(SAMPLE) {
            if ["Customers", "Products", "Order lines", "Orders", "Payments and reviews"]
                .contains(&title)
            {
                for word in ["now()", "random(", "clock_timestamp", "current_date", "gen_random"] {
                    assert!(!sql.contains(word), "{title} uses {word}");
                }
            }
        }
    }
}
