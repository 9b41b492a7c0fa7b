//! The names that a file uses: its `use` trees expanded, and every path in its code, resolved to where it begins.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Spacing, TokenStream, TokenTree};
use syn::{
    Attribute, Item, ItemMod, ItemUse, Path, UseTree, Visibility,
    spanned::Spanned,
    visit::{self, Visit},
};

/// A place in the tree of modules: `crate`, then the names of the modules.
pub type Module = Vec<String>;

/// A name that a file uses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// From where it begins: `crate` or the name of another crate.
    pub path: Vec<String>,
    /// The line that it stands on, from 1.
    pub line: usize,
}

/// A file as it was read.
pub struct Source {
    pub module: Module,
    /// Whether only tests are built from it.
    pub is_test: bool,
    pub code: syn::File,
}

/// What is known of all files: which modules and crates there are, and what a module calls by another name.
#[derive(Default)]
pub struct Known {
    modules: BTreeSet<Module>,
    crates: BTreeSet<String>,
    /// What a module calls something: (module, name) to what it is, and whether others may see it.
    aliases: BTreeMap<(Module, String), (Vec<String>, bool)>,
}

impl Known {
    /// Looks through all files.
    pub fn of<'code>(
        sources: impl Iterator<Item = &'code Source> + Clone,
        crates: impl IntoIterator<Item = String>,
    ) -> Self {
        let mut known = Self { crates: crates.into_iter().collect(), ..Self::default() };
        let modules = sources.clone().map(|source| source.module.clone());
        known.modules.extend(modules);
        for source in sources {
            let mut reader = Reader::new(&source.module);
            reader.visit_file(&source.code);
            known.modules.extend(reader.modules);
            for (module, name, path, is_public) in reader.aliases {
                known.aliases.insert((module, name), (path, is_public));
            }
        }
        known
    }

    /// The names that a file uses, but for what only tests are built from.
    pub fn names(&self, source: &Source) -> Vec<Name> {
        let mut reader = Reader::new(&source.module);
        reader.visit_file(&source.code);
        let mut names: Vec<Name> = reader
            .used
            .into_iter()
            .filter_map(|used| {
                let path = self.resolved(&used.module, &used.path, used.is_extern)?;
                Some(Name { path, line: used.line })
            })
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// Where a path begins; none where it begins with something of the file itself, or of the language.
    fn resolved(&self, module: &Module, path: &[String], is_extern: bool) -> Option<Vec<String>> {
        let mut path = self.begun(module, path, is_extern)?;
        // What a module keeps for itself is no interface: it is followed to what it is. Renaming in a circle ends.
        for _ in 0..16 {
            let Some(next) = self.followed(&path) else {
                break;
            };
            path = next;
        }
        Some(path)
    }

    fn begun(&self, module: &Module, path: &[String], is_extern: bool) -> Option<Vec<String>> {
        let (first, rest) = path.split_first()?;
        let with = |begin: &[String]| [begin, rest].concat();
        if is_extern {
            return Some(path.to_vec());
        }
        match first.as_str() {
            "crate" | "$crate" => return Some(with(&module[..1])),
            "self" => return Some(with(module)),
            "super" => {
                let parent = &module[..module.len().checked_sub(1)?.max(1)];
                let begins_again = rest.first().is_some_and(|next| next == "super");
                return if begins_again {
                    self.begun(&parent.to_vec(), rest, false)
                } else {
                    Some(with(parent))
                };
            }
            _ => {}
        }
        let key = (module.clone(), first.clone());
        if let Some((target, _)) = self.aliases.get(&key)
            && target.first() != Some(first)
        {
            let target = self.begun(module, target, false)?;
            return Some(with(&target));
        }
        let child = [module.as_slice(), std::slice::from_ref(first)].concat();
        if self.modules.contains(&child) {
            return Some(with(&child));
        }
        let is_crate =
            self.crates.contains(first) || ["std", "core", "alloc"].contains(&first.as_str());
        is_crate.then(|| path.to_vec())
    }

    /// A path that leads through what a module calls something for itself alone.
    fn followed(&self, path: &[String]) -> Option<Vec<String>> {
        (1..path.len()).find_map(|at| {
            let key = (path[..at].to_vec(), path[at].clone());
            let (target, is_public) = self.aliases.get(&key)?;
            if *is_public {
                return None;
            }
            let target = self.begun(&key.0, target, false)?;
            let next = [target.as_slice(), &path[at + 1..]].concat();
            (next != path).then_some(next)
        })
    }
}

/// A path as it stands in a module.
struct Used {
    module: Module,
    path: Vec<String>,
    is_extern: bool,
    line: usize,
}

/// Goes through a file.
struct Reader {
    module: Module,
    modules: Vec<Module>,
    used: Vec<Used>,
    aliases: Vec<(Module, String, Vec<String>, bool)>,
}

impl Reader {
    fn new(module: &Module) -> Self {
        Self { module: module.clone(), modules: Vec::new(), used: Vec::new(), aliases: Vec::new() }
    }

    fn uses(&mut self, path: Vec<String>, is_extern: bool, line: usize) {
        self.used.push(Used { module: self.module.clone(), path, is_extern, line });
    }

    fn tree(&mut self, tree: &UseTree, before: &[String], item: &ItemUse) {
        let is_extern = item.leading_colon.is_some();
        let is_public = !matches!(item.vis, Visibility::Inherited);
        let with = |name: String| [before, &[name]].concat();
        match tree {
            UseTree::Path(path) => self.tree(&path.tree, &with(path.ident.to_string()), item),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.tree(tree, before, item);
                }
            }
            UseTree::Glob(glob) => {
                self.uses(with("*".into()), is_extern, glob.span().start().line);
            }
            UseTree::Name(name) => {
                let (path, called) = imported(before, name.ident.to_string());
                self.alias(called, path.clone(), is_public);
                self.uses(path, is_extern, name.ident.span().start().line);
            }
            UseTree::Rename(rename) => {
                let (path, _) = imported(before, rename.ident.to_string());
                self.alias(rename.rename.to_string(), path.clone(), is_public);
                self.uses(path, is_extern, rename.ident.span().start().line);
            }
        }
    }

    fn alias(&mut self, name: String, path: Vec<String>, is_public: bool) {
        self.aliases.push((self.module.clone(), name, path, is_public));
    }

    /// Paths in what a macro is given: names with `::` between them. In a text there may be one, too, as serde has it.
    fn tokens(&mut self, tokens: TokenStream, texts: bool) {
        let mut path: Vec<String> = Vec::new();
        let (mut line, mut colons) = (0, 0);
        let mut found = Vec::new();
        for token in tokens {
            match &token {
                TokenTree::Ident(ident) => {
                    if colons != 2 || path.is_empty() {
                        found.push((std::mem::take(&mut path), line));
                        line = ident.span().start().line;
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => {
                    colons += if punct.spacing() == Spacing::Joint || colons == 1 { 1 } else { 9 };
                }
                other => {
                    found.push((std::mem::take(&mut path), line));
                    colons = 0;
                    match other {
                        TokenTree::Group(group) => self.tokens(group.stream(), texts),
                        TokenTree::Literal(literal) if texts => {
                            let text = literal.to_string();
                            let text = text.trim_matches('"');
                            let is_path =
                                text.contains("::") && syn::parse_str::<Path>(text).is_ok();
                            if is_path {
                                let path = text.split("::").map(|part| part.trim().to_owned());
                                found.push((path.collect(), literal.span().start().line));
                            }
                        }
                        _ => {}
                    }
                }
            }
        }
        found.push((path, line));
        for (path, line) in found.into_iter().filter(|(path, _)| path.len() > 1) {
            self.uses(path, false, line);
        }
    }
}

/// What a leaf of a `use` tree stands for, and what it is called by.
fn imported(before: &[String], leaf: String) -> (Vec<String>, String) {
    if leaf == "self" {
        let called = before.last().cloned().unwrap_or_default();
        return (before.to_vec(), called);
    }
    ([before, std::slice::from_ref(&leaf)].concat(), leaf)
}

/// Whether an item is built for tests alone.
pub fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<Path>().is_ok_and(|path| path.is_ident("test"))
    })
}

fn attributes_of(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

impl<'code> Visit<'code> for Reader {
    fn visit_item(&mut self, item: &'code Item) {
        if !is_for_tests(attributes_of(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'code ItemUse) {
        self.tree(&item.tree, &[], item);
    }

    fn visit_item_mod(&mut self, item: &'code ItemMod) {
        self.module.push(item.ident.to_string());
        self.modules.push(self.module.clone());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_item_extern_crate(&mut self, item: &'code syn::ItemExternCrate) {
        let path = vec![item.ident.to_string()];
        if let Some((_, rename)) = &item.rename {
            self.alias(rename.to_string(), path.clone(), true);
        }
        self.uses(path, true, item.ident.span().start().line);
    }

    fn visit_path(&mut self, path: &'code Path) {
        let segments = path.segments.iter();
        let segments: Vec<String> = segments.map(|part| part.ident.to_string()).collect();
        if segments.len() > 1 {
            let line = path.span().start().line;
            self.uses(segments, path.leading_colon.is_some(), line);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, of: &'code syn::Macro) {
        self.tokens(of.tokens.clone(), false);
        visit::visit_macro(self, of);
    }

    fn visit_attribute(&mut self, attribute: &'code Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            self.tokens(list.tokens.clone(), true);
        }
        visit::visit_attribute(self, attribute);
    }
}
