//! The existing object that a person most likely meant, where the server says that there is none of that name.
//!
//! What was written is read at the server's position, so that its language does not matter; only where it gives
//! none are the names in its message looked at. Its own "Perhaps you meant" is left to speak.

use crate::{
    base::spelling::nearest,
    catalog::{Catalog, Function, Relation},
    failure::{Failure, advice::meant},
    sql::read::{
        names::{self, Mention, quoted},
        position,
    },
};

/// At most so many signatures of a function are listed.
const SIGNATURES_MAX: usize = 4;
/// Quotation marks of the server's languages, opening and closing.
const QUOTES: &[(char, char)] =
    &[('"', '"'), ('»', '«'), ('«', '»'), ('„', '“'), ('“', '”'), ('「', '」')];

/// Whether a failure is about a name that the cache may correct.
pub fn wants_nearest(failure: &Failure) -> bool {
    matches!(failure.sqlstate.as_deref(), Some("42P01" | "42703" | "42883"))
        && meant(failure).is_none()
}

/// The next step that names the nearest existing object; nothing where there is none, or the server named one.
pub fn nearest_in(catalog: &Catalog, failure: &Failure, sql: &str) -> Option<String> {
    if !wants_nearest(failure) {
        return None;
    }
    let (text, parts) = written(failure, sql)?;
    match failure.sqlstate.as_deref()? {
        "42P01" if is_missing_from(failure) => table_of_query(catalog, text, &parts),
        "42P01" => relation(catalog, &parts),
        "42703" => column(catalog, failure, text, &parts),
        _ => function(catalog, &parts),
    }
}

/// The name that does not exist, and the statement in which it stands.
fn written<'a>(failure: &'a Failure, sql: &'a str) -> Option<(&'a str, Vec<String>)> {
    let (text, place) = match (&failure.internal, failure.position) {
        (Some((place, query)), _) => (query.as_str(), Some(*place)),
        (None, place) => (sql, place),
    };
    let at_place = place
        .and_then(|place| position::byte_of_character(text, place))
        .map(|byte| names::name_at(text, byte));
    match at_place {
        Some(parts) => parts.map(|parts| (text, parts)),
        None => {
            let name = quotations(&failure.message).into_iter().next()?;
            Some((text, name.split('.').map(str::to_owned).collect()))
        }
    }
}

/// What stands between quotation marks.
fn quotations(message: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = message;
    while let Some((at, close)) = rest.char_indices().find_map(|(at, character)| {
        let pair = QUOTES.iter().find(|(open, _)| *open == character);
        pair.map(|(open, close)| (at + open.len_utf8(), *close))
    }) {
        let inside = &rest[at..];
        let Some(end) = inside.find(close) else {
            break;
        };
        found.push(inside[..end].to_owned());
        rest = &inside[end + close.len_utf8()..];
    }
    found
}

/// Whether it is the qualifier of a column that no table of the query has.
fn is_missing_from(failure: &Failure) -> bool {
    let source = failure.source.as_deref().unwrap_or_default();
    source.starts_with("errorMissingRTE")
}

/// The table that a relation's name was meant to be.
fn relation(catalog: &Catalog, parts: &[String]) -> Option<String> {
    let name = parts.last()?;
    let schema = parts.len().checked_sub(2).and_then(|at| parts.get(at));
    let of_schema = |wanted: &str| -> Vec<Relation<'_>> {
        let relations = catalog.relations();
        relations.filter(|relation| relation.schema() == wanted).collect()
    };
    let near = |candidates: Vec<Relation<'_>>| -> Option<(String, String)> {
        let found = nearest(name, candidates.iter().map(Relation::name))?;
        let of = candidates.iter().find(|other| other.name() == found)?;
        Some((of.schema().to_owned(), found.to_owned()))
    };
    let (of, found) = match schema {
        Some(schema) => {
            near(of_schema(schema)).or_else(|| elsewhere(catalog, name)).or_else(|| {
                let schema = nearest(schema, catalog.schemas())?;
                near(of_schema(schema))
            })?
        }
        None => elsewhere(catalog, name)
            .or_else(|| {
                by_usefulness(catalog).into_iter().find_map(|schema| near(of_schema(schema)))
            })
            .or_else(|| near(catalog.relations().collect()))?,
    };
    if schema.is_none() && found == *name && catalog.is_on_path(&of) {
        // It exists by now: there is nothing to correct.
        return None;
    }
    let shown = shown(catalog, &of, &found, schema.is_some());
    Some(if found == *name && schema.is_none() {
        format!("Did you mean {shown}? Its schema is not on the search_path.")
    } else if found.to_lowercase() == *name && found != *name {
        format!("Did you mean {shown}? A name with capital letters stands in double quotes.")
    } else {
        format!("Did you mean {shown}?")
    })
}

/// The same name in another schema.
fn elsewhere(catalog: &Catalog, name: &str) -> Option<(String, String)> {
    let found = catalog.relations().find(|relation| relation.name() == name)?;
    Some((found.schema().to_owned(), name.to_owned()))
}

/// The schemas of the search path, the server's own last: people mistype their own tables.
fn by_usefulness(catalog: &Catalog) -> Vec<&str> {
    let (own, system): (Vec<_>, Vec<_>) =
        catalog.search_path().partition(|schema| *schema != "pg_catalog");
    own.into_iter().chain(system).collect()
}

/// A name as it may be written: with its schema where it would not be found without.
fn shown(catalog: &Catalog, schema: &str, name: &str, qualified: bool) -> String {
    if !qualified && catalog.is_on_path(schema) {
        quoted(name)
    } else {
        format!("{}.{}", quoted(schema), quoted(name))
    }
}

/// The table or alias of the query that the qualifier of a column was meant to be.
fn table_of_query(catalog: &Catalog, sql: &str, parts: &[String]) -> Option<String> {
    let name = parts.first()?;
    let tables = tables(catalog, sql);
    let called: Vec<&str> = tables
        .iter()
        .flat_map(|(mention, relation)| [mention.alias.as_deref(), Some(relation.name())])
        .flatten()
        .collect();
    if let Some((mention, relation)) = tables.iter().find(|(_, relation)| relation.name() == name)
        && let Some(alias) = &mention.alias
    {
        let relation = quoted(relation.name());
        return Some(format!(
            "{relation} is called {} in this statement. Write {}.",
            quoted(alias),
            quoted(alias)
        ));
    }
    if let Some(found) = nearest(name, called) {
        return Some(format!("Did you mean {}?", quoted(found)));
    }
    catalog.resolve(std::slice::from_ref(name)).map(|relation| {
        let relation = quoted(relation.name());
        format!("Add {relation} to the statement's FROM.")
    })
}

/// The tables that a statement names, with what it calls them.
fn tables<'a>(catalog: &'a Catalog, sql: &str) -> Vec<(Mention, Relation<'a>)> {
    let mentions = names::mentions(sql).into_iter();
    mentions
        .filter_map(|mention| {
            let relation = catalog.resolve(&mention.parts)?;
            Some((mention, relation))
        })
        .collect()
}

/// The column that was meant: of the tables of the statement, or else of any.
fn column(catalog: &Catalog, failure: &Failure, sql: &str, parts: &[String]) -> Option<String> {
    let (name, qualifiers) = parts.split_last()?;
    let mut tables = tables(catalog, sql);
    if let Some(qualifier) = qualifiers.last() {
        let called = |(mention, relation): &(Mention, Relation<'_>)| {
            mention.alias.as_ref() == Some(qualifier) || relation.name() == qualifier
        };
        if tables.iter().any(called) {
            tables.retain(called);
        }
    }
    let of_tables =
        tables.iter().flat_map(|(_, relation)| relation.columns().map(|column| column.name));
    if let Some(found) = nearest(name, of_tables) {
        let prefix: String = qualifiers.iter().map(|part| format!("{}.", quoted(part))).collect();
        let quoting = if found.to_lowercase() == *name && found != name {
            " A name with capital letters stands in double quotes."
        } else {
            ""
        };
        return Some(format!("Did you mean {prefix}{}?{quoting}", quoted(found)));
    }
    // A name in the message that is a relation's tells whose column it would be.
    let own = quotations(&failure.message).len() > 1;
    column_of_another(catalog, &tables, name).filter(|_| !own)
}

/// A table that the statement does not name has it, or one like it.
fn column_of_another(
    catalog: &Catalog,
    tables: &[(Mention, Relation<'_>)],
    name: &str,
) -> Option<String> {
    let is_own =
        |relation: &Relation<'_>| !matches!(relation.schema(), "pg_catalog" | "information_schema");
    let others: Vec<Relation<'_>> = catalog.relations().filter(is_own).collect();
    let found = nearest(
        name,
        others.iter().flat_map(|relation| relation.columns().map(|column| column.name)),
    )?;
    let mut owners =
        others.iter().filter(|relation| relation.columns().any(|column| column.name == found));
    let first = owners.next()?;
    let owner = shown(catalog, first.schema(), first.name(), false);
    let column = quoted(found);
    let but = if tables.is_empty() { "" } else { "No table of this statement has it. " };
    Some(match owners.count() {
        0 => format!("{but}The nearest is {column}, a column of {owner}."),
        more => format!("{but}The nearest is {column}, a column of {owner} and {more} more."),
    })
}

/// The function that was meant: the same with other arguments, or one of a like name.
fn function(catalog: &Catalog, parts: &[String]) -> Option<String> {
    let name = parts.last()?;
    let schema = parts.len().checked_sub(2).and_then(|at| parts.get(at));
    let is_meant = |function: &Function<'_>| match schema {
        Some(schema) => function.schema == schema.as_str(),
        None => catalog.is_on_path(function.schema),
    };
    let same: Vec<Function<'_>> = catalog.functions_named(name).collect();
    let visible: Vec<&Function<'_>> = same.iter().filter(|found| is_meant(found)).collect();
    if !visible.is_empty() {
        let signatures = visible.iter().take(SIGNATURES_MAX);
        let signatures: Vec<String> = signatures
            .map(|found| format!("{}({})", quoted(found.name), found.arguments))
            .collect();
        let more = visible.len().saturating_sub(SIGNATURES_MAX);
        let more = (more > 0).then(|| format!("{more} more"));
        let listed = listed(signatures.into_iter().chain(more).collect());
        return Some(format!("There is {listed}. Give it such arguments, or cast them: x::type."));
    }
    if let Some(hidden) = same.first() {
        let shown = shown(catalog, hidden.schema, hidden.name, true);
        return Some(format!("Did you mean {shown}({})?", hidden.arguments));
    }
    let all: Vec<Function<'_>> = catalog.functions().collect();
    let near = |wanted: &dyn Fn(&Function<'_>) -> bool| {
        let candidates = all.iter().filter(|found| wanted(found));
        let found = nearest(name, candidates.map(|found| found.name))?;
        all.iter().find(|other| other.name == found && wanted(other))
    };
    let found = near(&|found| is_meant(found) && found.schema != "pg_catalog")
        .or_else(|| near(&|found| is_meant(found)))
        .or_else(|| near(&|_| true))?;
    let shown = shown(catalog, found.schema, found.name, schema.is_some());
    Some(format!("Did you mean {shown}({})?", found.arguments))
}

/// `a, b and c`
fn listed(mut parts: Vec<String>) -> String {
    match (parts.pop(), parts.is_empty()) {
        (None, _) => String::new(),
        (Some(only), true) => only,
        (Some(last), false) => format!("{} and {last}", parts.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::{CatalogBuilder, RelationKind},
        failure::Category,
    };

    fn shop() -> Catalog {
        let mut builder = CatalogBuilder::default();
        for schema in ["public", "pg_catalog"] {
            builder.search_path(schema);
        }
        for schema in ["billing", "public", "pg_catalog"] {
            builder.schema(schema);
        }
        let relations = [
            (1, "public", "customers", &["id", "email", "birthDate"][..]),
            (2, "public", "orders", &["id", "customer_id", "total"]),
            (3, "billing", "invoices", &["id", "amount", "due_date"]),
            (4, "public", "Prices", &["id"]),
            (5, "pg_catalog", "pg_class", &["oid", "relname"]),
        ];
        for (oid, schema, name, columns) in relations {
            builder.relation(oid, schema, name, RelationKind::Table);
            for (at, column) in columns.iter().enumerate() {
                builder.column(oid, at as i16 + 1, column, "text");
            }
        }
        for (schema, name, arguments) in [
            ("pg_catalog", "length", "text"),
            ("pg_catalog", "round", "double precision"),
            ("pg_catalog", "round", "numeric"),
            ("public", "total_of", "integer"),
            ("billing", "tax", "numeric"),
        ] {
            builder.function(schema, name, arguments);
        }
        builder.finish()
    }

    /// The failure that the server reports at `^` in the statement; the mark is no part of it.
    fn advice(code: &str, marked: &str) -> Option<String> {
        let sql = marked.replace('^', "");
        let failure = Failure {
            sqlstate: Some(code.into()),
            position: marked.find('^').map(|at| at as u32 + 1),
            ..Failure::new(Category::Query, "x")
        };
        nearest_in(&shop(), &failure, &sql)
    }

    #[track_caller]
    fn says(code: &str, marked: &str, expected: &str) {
        assert_eq!(advice(code, marked).as_deref(), Some(expected), "{marked}");
    }

    #[test]
    fn names_are_found_between_the_quotes_of_any_language() {
        for (message, expected) in [
            ("relation \"custmers\" does not exist", vec!["custmers"]),
            ("\"a\" and \"b\"", vec!["a", "b"]),
            ("Relation »kunden« existiert nicht", vec!["kunden"]),
            ("la relation « clients » n'existe pas", vec![" clients "]),
            ("one \"quote", vec![]),
            ("none", vec![]),
        ] {
            assert_eq!(quotations(message), expected, "{message}");
        }
    }

    #[test]
    fn a_table_that_is_not_there_is_answered_with_the_nearest() {
        let table = [
            ("select * from ^custmers", "Did you mean customers?"),
            ("select * from ^pg_clas", "Did you mean pg_class?"),
            (
                "select * from ^invoices",
                "Did you mean billing.invoices? Its schema is not on the search_path.",
            ),
            ("select * from ^invoces", "Did you mean billing.invoices?"),
            ("select * from ^blling.invoices", "Did you mean billing.invoices?"),
            ("select * from ^billing.invoce", "Did you mean billing.invoices?"),
            (
                "select * from ^Prices",
                "Did you mean \"Prices\"? A name with capital letters stands in double quotes.",
            ),
        ];
        for (marked, expected) in table {
            says("42P01", marked, expected);
        }
        // In the schema that was named there is nothing like it, and nothing of that name elsewhere.
        assert_eq!(advice("42P01", "select * from ^billing.custmers"), None);
        assert_eq!(advice("42P01", "select * from ^nothing_like_it"), None);
        assert_eq!(advice("42P01", "select * from ^customers"), None);
    }

    /// What is said of an error at the first character of the last word.
    fn advice_in(catalog: &Catalog, code: &str, message: &str, sql: &str) -> Option<String> {
        let at = sql.rfind(' ').map_or(0, |at| at + 1);
        let failure = Failure {
            sqlstate: Some(code.into()),
            position: Some(at as u32 + 1),
            ..Failure::new(Category::Query, message)
        };
        nearest_in(catalog, &failure, sql)
    }

    /// Objects of these schemas and names; the search path is `public, pg_catalog`.
    fn with_relations(relations: &[(&str, &str)]) -> Catalog {
        let mut builder = CatalogBuilder::default();
        builder.search_path("public");
        builder.search_path("pg_catalog");
        for (oid, (schema, name)) in (1..).zip(relations) {
            builder.schema(schema);
            builder.relation(oid, schema, name, RelationKind::Table);
        }
        builder.finish()
    }

    fn with_functions(functions: &[(&str, &str, &str)]) -> Catalog {
        let mut builder = CatalogBuilder::default();
        builder.search_path("public");
        builder.search_path("pg_catalog");
        for (schema, name, arguments) in functions {
            builder.schema(schema);
            builder.function(schema, name, arguments);
        }
        builder.finish()
    }

    #[test]
    fn the_same_name_in_another_schema_comes_before_a_like_one_and_one_s_own_before_the_server_s() {
        let catalog = with_relations(&[("billing", "invoices"), ("public", "invoicee")]);
        assert_eq!(
            advice_in(&catalog, "42P01", "x", "select * from invoices").as_deref(),
            Some("Did you mean billing.invoices? Its schema is not on the search_path.")
        );
        let catalog = with_relations(&[("pg_catalog", "statistics"), ("public", "statistik_")]);
        assert_eq!(
            advice_in(&catalog, "42P01", "x", "select * from statistic").as_deref(),
            Some("Did you mean statistik_?")
        );
        let catalog = with_functions(&[
            ("public", "a_first_one", ""),
            ("pg_catalog", "normalize", "text"),
            ("public", "normaliser_", "integer"),
        ]);
        assert_eq!(
            advice_in(&catalog, "42883", "x", "select normalise(1)").as_deref(),
            Some("Did you mean normaliser_(integer)?")
        );
    }

    #[test]
    fn a_function_of_a_named_schema_is_told_with_its_arguments_and_many_are_counted() {
        says(
            "42883",
            "select ^billing.tax()",
            "There is tax(numeric). Give it such arguments, or cast them: x::type.",
        );
        let kinds = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
        let many: Vec<_> = kinds.map(|kind| ("public", "many", kind)).into();
        for (count, more) in [(SIGNATURES_MAX, None), (SIGNATURES_MAX + 2, Some("2 more"))] {
            let catalog = with_functions(&many[..count]);
            let advice = advice_in(&catalog, "42883", "x", "select many(1)").unwrap();
            assert_eq!(advice.matches("many(").count(), SIGNATURES_MAX, "{advice}");
            match more {
                Some(more) => assert!(advice.contains(more), "{advice}"),
                None => assert!(!advice.contains("more"), "{advice}"),
            }
        }
    }

    #[test]
    fn where_the_message_names_the_table_its_column_is_not_looked_for_in_others() {
        let sql = "update orders set due_dat";
        for (message, looked_for) in [
            ("column \"due_dat\" does not exist", true),
            ("column \"due_dat\" of relation \"orders\" does not exist", false),
        ] {
            let advice = advice_in(&shop(), "42703", message, sql);
            assert_eq!(advice.is_some(), looked_for, "{message}: {advice:?}");
        }
    }

    #[test]
    fn a_column_is_looked_for_in_the_tables_of_the_statement_first() {
        says("42703", "update customers set ^emial = ''", "Did you mean email?");
        says("42703", "select ^c.emial from customers c", "Did you mean c.email?");
        says(
            "42703",
            "select ^birthdate from customers",
            "Did you mean \"birthDate\"? A name with capital letters stands in double quotes.",
        );
        says(
            "42703",
            "select ^due_dat from orders",
            "No table of this statement has it. The nearest is due_date, a column of billing.invoices.",
        );
        says(
            "42703",
            "select ^o.emial from customers c, orders o",
            "No table of this statement has it. The nearest is email, a column of customers.",
        );
        assert_eq!(advice("42703", "select ^zzzzz from orders"), None);
    }

    #[test]
    fn a_function_s_other_signatures_are_listed_before_other_names() {
        says(
            "42883",
            "select ^round('x')",
            "There is round(double precision) and round(numeric). Give it such arguments, or cast them: x::type.",
        );
        says("42883", "select ^lenght('x')", "Did you mean length(text)?");
        says("42883", "select ^tax(1)", "Did you mean billing.tax(numeric)?");
        says("42883", "select ^totl_of(1)", "Did you mean total_of(integer)?");
        // Operators have no names that could be mistyped.
        assert_eq!(advice("42883", "select 'a' ^@@@ 1"), None);
    }

    #[test]
    fn the_server_s_own_suggestion_is_not_repeated() {
        let failure = Failure {
            hint: Some("Perhaps you meant to reference the column \"customers.email\".".into()),
            sqlstate: Some("42703".into()),
            position: Some(8),
            ..Failure::new(Category::Query, "column \"emial\" does not exist")
        };
        let sql = "select emial from customers";
        assert_eq!(nearest_in(&shop(), &failure, sql), None);
        assert!(!wants_nearest(&failure));
        let bare = Failure { hint: None, ..failure };
        assert!(nearest_in(&shop(), &bare, sql).is_some());
    }

    #[test]
    fn without_a_position_the_name_in_the_message_is_taken_in_any_language() {
        for message in [
            "table \"custmers\" does not exist",
            "Tabelle »custmers« existiert nicht",
            "la table « custmers » n'existe pas",
        ] {
            let failure = Failure {
                sqlstate: Some("42P01".into()),
                ..Failure::new(Category::Query, message.replace("« ", "«").replace(" »", "»"))
            };
            let advice = nearest_in(&shop(), &failure, "drop table custmers");
            assert_eq!(advice.as_deref(), Some("Did you mean customers?"), "{message}");
        }
    }

    #[test]
    fn a_place_inside_a_function_is_looked_up_in_the_function_s_statement() {
        let failure = Failure {
            sqlstate: Some("42P01".into()),
            internal: Some((15, "select 1 from custmers".into())),
            ..Failure::new(Category::Query, "x")
        };
        let advice = nearest_in(&shop(), &failure, "select broken()");
        assert_eq!(advice.as_deref(), Some("Did you mean customers?"));
    }

    #[test]
    fn a_qualifier_that_no_table_of_the_query_has_is_corrected_among_them() {
        let missing = |marked: &str| {
            let failure = Failure {
                sqlstate: Some("42P01".into()),
                source: Some("errorMissingRTE, parse_relation.c:3594".into()),
                position: marked.find('^').map(|at| at as u32 + 1),
                ..Failure::new(Category::Query, "x")
            };
            nearest_in(&shop(), &failure, &marked.replace('^', ""))
        };
        assert_eq!(
            missing("select ^custmers.id from customers").as_deref(),
            Some("Did you mean customers?")
        );
        assert_eq!(
            missing("select ^customers.id from customers c").as_deref(),
            Some("customers is called c in this statement. Write c.")
        );
        assert_eq!(
            missing("select ^orders.id from customers cust where true").as_deref(),
            Some("Add orders to the statement's FROM.")
        );
    }
}
