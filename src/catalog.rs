//! What is in a database, as far as the role may see it: schemas, relations with their columns, functions.
//!
//! Each text is stored once and referred to by a number; columns are in three arrays, one relation's next to each
//! other. So a thousand tables cost some hundred kilobytes, and the whole is shared by `Arc`. Relations and functions
//! are sorted by name, for binary search.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

use std::{collections::BTreeMap, ops::Range};

use serde::{Deserialize, Serialize};

/// The most columns kept.
pub const COLUMNS_MAX: usize = 100_000;
/// The most relations kept.
pub const RELATIONS_MAX: usize = 50_000;
/// The most functions kept.
pub const FUNCTIONS_MAX: usize = 50_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RelationKind {
    Table,
    PartitionedTable,
    View,
    /// A materialised view.
    MaterializedView,
    ForeignTable,
    Sequence,
}

/// A name in the catalog, by its index in the list of texts.
type TextIx = u32;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct RelationEntry(TextIx, TextIx, RelationKind, Range<u32>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct FunctionEntry(TextIx, TextIx, TextIx);

/// The objects of a database that a role may see.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalog {
    texts: Vec<Box<str>>,
    search_path: Vec<TextIx>,
    schemas: Vec<TextIx>,
    relations: Vec<RelationEntry>,
    column_names: Vec<TextIx>,
    column_types: Vec<TextIx>,
    column_positions: Vec<i16>,
    functions: Vec<FunctionEntry>,
    cut: bool,
    digest: u64,
}

/// A relation of a catalog.
#[derive(Clone, Copy, Debug)]
pub struct Relation<'a> {
    catalog: &'a Catalog,
    index: usize,
}

/// A column of a relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column<'a> {
    pub name: &'a str,
    /// Its type, as `format_type` prints it.
    pub type_name: &'a str,
    /// `attnum`.
    pub position: i16,
}

/// A function, procedure or aggregate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function<'a> {
    pub schema: &'a str,
    pub name: &'a str,
    /// The types of its arguments: `text, integer`.
    pub arguments: &'a str,
}

impl Catalog {
    /// The schemas in which to look up an unqualified name, in order.
    pub fn search_path(&self) -> impl Iterator<Item = &str> {
        self.search_path.iter().map(|text| self.text(*text))
    }

    /// Every schema, by name.
    pub fn schemas(&self) -> impl Iterator<Item = &str> {
        self.schemas.iter().map(|text| self.text(*text))
    }

    /// Every relation, by schema and name.
    pub fn relations(&self) -> impl Iterator<Item = Relation<'_>> {
        (0..self.relations.len()).map(|index| Relation { catalog: self, index })
    }

    /// Every function, by name, schema and arguments.
    pub fn functions(&self) -> impl Iterator<Item = Function<'_>> {
        self.functions.iter().map(|entry| self.function(*entry))
    }

    /// The functions with this name, in every schema.
    pub fn functions_named(&self, name: &str) -> impl Iterator<Item = Function<'_>> {
        let start = self.functions.partition_point(|entry| self.text(entry.1) < name);
        self.functions[start..]
            .iter()
            .map(|entry| self.function(*entry))
            .take_while(move |function| function.name == name)
    }

    /// The relation of this schema and name.
    pub fn relation(&self, schema: &str, name: &str) -> Option<Relation<'_>> {
        let key = (schema, name);
        let found = self
            .relations
            .binary_search_by(|entry| (self.text(entry.0), self.text(entry.1)).cmp(&key));
        found.ok().map(|index| Relation { catalog: self, index })
    }

    /// The relation that these parts of a name mean: `[schema, name]`, or a name on the search path.
    pub fn resolve(&self, parts: &[String]) -> Option<Relation<'_>> {
        match parts {
            [name] => self.search_path().find_map(|schema| self.relation(schema, name)),
            [.., schema, name] => self.relation(schema, name),
            [] => None,
        }
    }

    /// Whether names in this schema need no schema before them.
    pub fn is_on_path(&self, schema: &str) -> bool {
        self.search_path().any(|visible| visible == schema)
    }

    /// How many columns there are in all.
    pub fn column_count(&self) -> usize {
        self.column_names.len()
    }

    /// Whether there was more than is kept.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// A few figures and a digest of everything, for dumps and hashes of the Model.
    pub fn in_short(&self) -> String {
        format!(
            "{} relations, {} columns, {} functions, {:016x}",
            self.relations.len(),
            self.column_names.len(),
            self.functions.len(),
            self.digest
        )
    }

    /// Its approximate memory.
    pub fn heap_bytes(&self) -> usize {
        let texts: usize = self.texts.iter().map(|text| text.len() + 16).sum();
        texts
            + self.relations.len() * size_of::<RelationEntry>()
            + self.column_names.len() * 10
            + self.functions.len() * size_of::<FunctionEntry>()
    }

    fn text(&self, text: TextIx) -> &str {
        self.texts.get(text as usize).map_or("", |text| text)
    }

    fn function(&self, FunctionEntry(schema, name, arguments): FunctionEntry) -> Function<'_> {
        Function {
            schema: self.text(schema),
            name: self.text(name),
            arguments: self.text(arguments),
        }
    }
}

impl<'a> Relation<'a> {
    pub fn schema(&self) -> &'a str {
        self.entry().map_or("", |entry| self.catalog.text(entry.0))
    }

    pub fn name(&self) -> &'a str {
        self.entry().map_or("", |entry| self.catalog.text(entry.1))
    }

    pub fn kind(&self) -> RelationKind {
        self.entry().map_or(RelationKind::Table, |entry| entry.2)
    }

    /// Its columns, in order.
    pub fn columns(&self) -> impl Iterator<Item = Column<'a>> + use<'a> {
        let catalog = self.catalog;
        let columns = self.entry().map_or(0..0, |entry| entry.3.clone());
        columns.filter_map(move |at| {
            let at = at as usize;
            Some(Column {
                name: catalog.text(*catalog.column_names.get(at)?),
                type_name: catalog.text(*catalog.column_types.get(at)?),
                position: *catalog.column_positions.get(at)?,
            })
        })
    }

    fn entry(&self) -> Option<&'a RelationEntry> {
        self.catalog.relations.get(self.index)
    }
}

/// Collects what the server lists, in any order, into a catalog.
#[derive(Debug, Default)]
pub struct CatalogBuilder {
    texts: BTreeMap<Box<str>, TextIx>,
    search_path: Vec<TextIx>,
    schemas: Vec<TextIx>,
    relations: BTreeMap<u32, (TextIx, TextIx, RelationKind)>,
    columns: Vec<(u32, i16, TextIx, TextIx)>,
    functions: Vec<FunctionEntry>,
    cut: bool,
}

impl CatalogBuilder {
    /// The next schema of the search path.
    pub fn search_path(&mut self, schema: &str) {
        let schema = self.intern(schema);
        self.search_path.push(schema);
    }

    pub fn schema(&mut self, name: &str) {
        let name = self.intern(name);
        self.schemas.push(name);
    }

    pub fn relation(&mut self, oid: u32, schema: &str, name: &str, kind: RelationKind) {
        if self.relations.len() == RELATIONS_MAX {
            self.cut = true;
            return;
        }
        let (schema, name) = (self.intern(schema), self.intern(name));
        self.relations.insert(oid, (schema, name, kind));
    }

    /// A column of the relation with this oid.
    pub fn column(&mut self, relation: u32, position: i16, name: &str, type_name: &str) {
        if self.columns.len() == COLUMNS_MAX {
            self.cut = true;
            return;
        }
        let (name, type_name) = (self.intern(name), self.intern(type_name));
        self.columns.push((relation, position, name, type_name));
    }

    pub fn function(&mut self, schema: &str, name: &str, arguments: &str) {
        if self.functions.len() == FUNCTIONS_MAX {
            self.cut = true;
            return;
        }
        let entry = FunctionEntry(self.intern(schema), self.intern(name), self.intern(arguments));
        self.functions.push(entry);
    }

    /// Builds the catalog. Leaves out a column whose relation was not listed.
    pub fn finish(mut self) -> Catalog {
        // Sorted by their texts, numbers compare as the texts do.
        let mut rank = vec![0; self.texts.len()];
        for (at, number) in self.texts.values().enumerate() {
            if let Some(place) = rank.get_mut(*number as usize) {
                *place = at as TextIx;
            }
        }
        let ranked = |text: TextIx| rank.get(text as usize).copied().unwrap_or_default();
        let mut catalog = Catalog {
            search_path: self.search_path.iter().map(|text| ranked(*text)).collect(),
            schemas: self.schemas.iter().map(|text| ranked(*text)).collect(),
            functions: self
                .functions
                .iter()
                .map(|entry| FunctionEntry(ranked(entry.0), ranked(entry.1), ranked(entry.2)))
                .collect(),
            cut: self.cut,
            ..Catalog::default()
        };
        catalog.schemas.sort_unstable();
        catalog.functions.sort_unstable_by_key(|entry| (entry.1, entry.0, entry.2));
        self.columns.sort_unstable_by_key(|(relation, position, ..)| (*relation, *position));
        let mut relations: Vec<_> = self
            .relations
            .iter()
            .map(|(oid, (schema, name, kind))| (ranked(*schema), ranked(*name), *kind, *oid))
            .collect();
        relations.sort_unstable();
        for (schema, name, kind, oid) in relations {
            let start = self.columns.partition_point(|column| column.0 < oid);
            let of_it = self.columns[start..].iter().take_while(|column| column.0 == oid);
            let from = catalog.column_names.len() as u32;
            for (_, position, name, type_name) in of_it {
                catalog.column_names.push(ranked(*name));
                catalog.column_types.push(ranked(*type_name));
                catalog.column_positions.push(*position);
            }
            let until = catalog.column_names.len() as u32;
            catalog.relations.push(RelationEntry(schema, name, kind, from..until));
        }
        catalog.texts = self.texts.into_keys().collect();
        catalog.digest = digest(&catalog);
        catalog
    }

    fn intern(&mut self, text: &str) -> TextIx {
        if let Some(known) = self.texts.get(text) {
            return *known;
        }
        let number = self.texts.len() as TextIx;
        self.texts.insert(text.into(), number);
        number
    }
}

/// XXH3 over all that it holds, the same on every machine.
fn digest(catalog: &Catalog) -> u64 {
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    for text in &catalog.texts {
        hasher.update(text.as_bytes());
        hasher.update(&[0]);
    }
    let mut number = |number: u32| hasher.update(&number.to_le_bytes());
    catalog.search_path.iter().copied().for_each(&mut number);
    catalog.schemas.iter().copied().for_each(&mut number);
    for RelationEntry(schema, name, kind, columns) in &catalog.relations {
        [*schema, *name, *kind as u32, columns.start, columns.end]
            .into_iter()
            .for_each(&mut number);
    }
    catalog.column_names.iter().copied().for_each(&mut number);
    catalog.column_types.iter().copied().for_each(&mut number);
    for FunctionEntry(schema, name, arguments) in &catalog.functions {
        [*schema, *name, *arguments].into_iter().for_each(&mut number);
    }
    hasher.digest()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shop() -> Catalog {
        let mut builder = CatalogBuilder::default();
        // In arbitrary order: columns before their relation, schemas unsorted.
        builder.column(9, 2, "email", "text");
        builder.column(9, 1, "id", "bigint");
        builder.column(404, 1, "stray", "text");
        builder.relation(9, "public", "customers", RelationKind::Table);
        builder.relation(7, "billing", "invoices", RelationKind::View);
        builder.function("public", "total", "integer, text");
        builder.function("public", "tax", "numeric");
        builder.function("billing", "total", "integer");
        builder.schema("public");
        builder.schema("billing");
        builder.search_path("public");
        builder.finish()
    }

    #[test]
    fn what_comes_in_any_order_is_found_by_name() {
        let catalog = shop();
        let customers = catalog.relation("public", "customers").unwrap();
        assert_eq!(customers.kind(), RelationKind::Table);
        let columns: Vec<_> = customers.columns().collect();
        assert_eq!(
            columns,
            [
                Column { name: "id", type_name: "bigint", position: 1 },
                Column { name: "email", type_name: "text", position: 2 }
            ]
        );
        let names: Vec<_> =
            catalog.relations().map(|relation| (relation.schema(), relation.name())).collect();
        assert_eq!(names, [("billing", "invoices"), ("public", "customers")]);
        assert_eq!(catalog.schemas().collect::<Vec<_>>(), ["billing", "public"]);
        let totals: Vec<_> = catalog
            .functions_named("total")
            .map(|function| (function.schema, function.arguments))
            .collect();
        assert_eq!(totals, [("billing", "integer"), ("public", "integer, text")]);
        assert_eq!(catalog.functions_named("tot").count(), 0);
        assert_eq!(catalog.column_count(), 2);
        assert!(!catalog.is_cut());
    }

    #[test]
    fn a_name_without_a_schema_is_looked_for_on_the_search_path_alone() {
        let catalog = shop();
        let resolve = |parts: &[&str]| {
            let parts: Vec<String> = parts.iter().map(|&part| part.to_owned()).collect();
            catalog.resolve(&parts).map(|relation| relation.name())
        };
        assert_eq!(resolve(&["customers"]), Some("customers"));
        assert_eq!(resolve(&["invoices"]), None);
        assert_eq!(resolve(&["billing", "invoices"]), Some("invoices"));
        assert_eq!(resolve(&["shop", "billing", "invoices"]), Some("invoices"));
        assert_eq!(resolve(&[]), None);
        assert!(catalog.is_on_path("public") && !catalog.is_on_path("billing"));
    }

    #[test]
    fn past_the_limit_columns_are_left_out_and_that_is_known() {
        let mut builder = CatalogBuilder::default();
        builder.relation(1, "public", "wide", RelationKind::Table);
        for position in 0..=COLUMNS_MAX {
            builder.column(1, (position % 1_600) as i16, "c", "text");
        }
        let catalog = builder.finish();
        assert_eq!(catalog.column_count(), COLUMNS_MAX);
        assert!(catalog.is_cut());
    }

    #[test]
    fn the_same_objects_have_the_same_digest_and_others_another() {
        assert_eq!(shop().in_short(), shop().in_short());
        let mut builder = CatalogBuilder::default();
        builder.schema("public");
        let other = builder.finish();
        assert_ne!(shop().digest, other.digest);
        let read: Catalog = serde_json::from_str(&serde_json::to_string(&shop()).unwrap()).unwrap();
        assert_eq!(read, shop());
    }
}
