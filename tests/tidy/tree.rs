//! The files of the program: which modules are declared, and by whom.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use syn::Item;

use super::names::{Module, Source, is_for_tests};

/// Where the paths of the program begin, which is a crate beside the library.
pub const PROGRAM: &str = "program";

/// Texts by their paths from the root of the package.
pub type Texts = BTreeMap<String, String>;

/// A file of the program.
pub struct Declared {
    /// Its path, from the root of the package.
    pub path: String,
    /// What is in it.
    pub source: Source,
}

/// All files that are declared, from the roots of the package on.
#[derive(Default)]
pub struct Tree {
    pub files: Vec<Declared>,
    /// What is no code, and what nobody declares.
    pub problems: Vec<String>,
}

/// The texts under a folder of a package.
pub fn texts(root: &Path, folder: &str) -> Texts {
    let mut texts = Texts::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).expect("a text");
                let path = path.strip_prefix(root).expect("it is in there");
                texts.insert(path.to_string_lossy().replace('\\', "/"), text);
            }
        }
    }
    texts
}

/// The crates that the package names, by the names that its code has for them, and its own.
pub fn crates(root: &Path) -> Vec<String> {
    let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("a manifest");
    let manifest: toml_edit::DocumentMut = manifest.parse().expect("a manifest");
    let everywhere = std::iter::once(manifest.as_table() as &dyn toml_edit::TableLike);
    let targets = manifest["target"].as_table_like().expect("a manifest");
    let targets = targets.iter().filter_map(|(_, of)| of.as_table_like());
    let tables = everywhere.chain(targets).flat_map(|table| {
        ["dependencies", "dev-dependencies"].map(|kind| table.get(kind)?.as_table_like())
    });
    let names = tables.flatten().flat_map(|table| table.iter());
    let names = names.map(|(name, _)| name.replace('-', "_"));
    names.chain(["tusk".to_owned()]).collect()
}

impl Tree {
    /// Follows the declarations in the files of `src`.
    pub fn of(texts: &Texts) -> Self {
        let mut tree = Self::default();
        for (name, root) in [("src/lib.rs", "crate"), ("src/main.rs", PROGRAM)] {
            if texts.contains_key(name) {
                tree.add(texts, name, "src", vec![root.to_owned()], false);
            }
        }
        let declared: BTreeSet<&str> = tree.files.iter().map(|file| file.path.as_str()).collect();
        let forgotten = texts.keys().filter(|path| !declared.contains(path.as_str()));
        let forgotten: Vec<String> =
            forgotten.map(|path| format!("{path}: no module declares it")).collect();
        tree.problems.extend(forgotten);
        tree
    }

    fn add(&mut self, texts: &Texts, path: &str, folder: &str, module: Module, is_test: bool) {
        let Some(text) = texts.get(path) else {
            self.problems.push(format!("{path}: there is no such file"));
            return;
        };
        match syn::parse_file(text) {
            Ok(code) => {
                self.children(texts, path, folder, &module, (&code.items, is_test));
                self.files.push(Declared {
                    path: path.to_owned(),
                    source: Source { module, is_test, code },
                });
            }
            Err(error) => {
                let line = error.span().start().line;
                self.problems.push(format!("{path}:{line}: {error}"));
            }
        }
    }

    fn children(
        &mut self,
        texts: &Texts,
        path: &str,
        folder: &str,
        module: &Module,
        (items, is_test): (&[Item], bool),
    ) {
        for item in items {
            let Item::Mod(item) = item else { continue };
            let name = item.ident.to_string();
            let child = [module.as_slice(), std::slice::from_ref(&name)].concat();
            let is_test = is_test || is_for_tests(&item.attrs);
            let inner = format!("{folder}/{name}");
            if let Some((_, items)) = &item.content {
                self.children(texts, path, &inner, &child, (items, is_test));
                continue;
            }
            let beside = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let file = match item.attrs.iter().find_map(path_of) {
                Some(named) => format!("{beside}/{named}"),
                None => format!("{inner}.rs"),
            };
            // What lies outside belongs to the tests.
            if !file.contains("../") {
                self.add(texts, &file, &inner, child, is_test);
            }
        }
    }
}

fn path_of(attribute: &syn::Attribute) -> Option<String> {
    let syn::Meta::NameValue(pair) = &attribute.meta else {
        return None;
    };
    let syn::Expr::Lit(literal) = &pair.value else {
        return None;
    };
    match &literal.lit {
        syn::Lit::Str(text) if pair.path.is_ident("path") => Some(text.value()),
        _ => None,
    }
}
