//! Where a parameter comes from: first the text, then the service that it or the environment names, then the
//! environment, and last a default of Tusk's or libpq's.
//!
//! An earlier source hides the later ones, even with an empty value. A wrong value is reported with its source.

use std::collections::BTreeMap;

use super::super::defaults::{Defaults, VARIABLES};
use super::super::service::{Service, ServiceFile};
use super::parameters::{SECRETS, shown};
use super::{Parameters, ParseProblem};

/// Every parameter with a value, and the sources of those that are not the text's.
pub(super) struct Sources {
    /// The values, by libpq's names.
    pub(super) values: Parameters,
    places: BTreeMap<String, String>,
}

impl Sources {
    /// Completes the text's parameters from the other sources.
    pub(super) fn of(text: Parameters, defaults: &Defaults) -> Result<Self, ParseProblem> {
        let mut sources = Self { values: text, places: BTreeMap::new() };
        sources.add_service(defaults)?;
        sources.add_environment(defaults);
        Ok(sources)
    }

    /// The same problem, with its source if that is not the text.
    pub(super) fn blame(&self, problem: ParseProblem) -> ParseProblem {
        match problem.parameter().map(str::to_owned) {
            Some(name) => self.blame_for(&name, problem),
            None => problem,
        }
    }

    /// The same, for a problem with this parameter.
    pub(super) fn blame_for(&self, name: &str, problem: ParseProblem) -> ParseProblem {
        match self.places.get(name) {
            Some(place) => {
                ParseProblem::Elsewhere { place: place.clone(), problem: Box::new(problem) }
            }
            None => problem,
        }
    }

    fn add(&mut self, name: &str, value: &str, place: &str) {
        if !self.values.contains_key(name) {
            self.values.insert(name.to_owned(), value.to_owned());
            self.places.insert(name.to_owned(), place.to_owned());
        }
    }

    fn add_service(&mut self, defaults: &Defaults) -> Result<(), ParseProblem> {
        let named = self.values.remove("service");
        let Some(name) = named
            .as_deref()
            .or_else(|| defaults.variable("PGSERVICE"))
            .filter(|name| !name.is_empty())
        else {
            return Ok(());
        };
        let (path, service) = find(name, &defaults.service_files)?;
        let place = format!("Service “{name}” in {path}");
        for (name, value) in &service.parameters {
            self.add(name, value, &place);
        }
        for (name, secret) in &service.secrets {
            self.add(name, secret.reveal(), &place);
        }
        Ok(())
    }

    fn add_environment(&mut self, defaults: &Defaults) {
        for (variable, parameter) in VARIABLES {
            if let Some(value) = defaults.variables.get(*variable)
                && !parameter.is_empty()
                && *parameter != "service"
            {
                self.add(parameter, value, variable);
            }
        }
        // An old variable from libpq's first years.
        if defaults.variable("PGREQUIRESSL").is_some_and(|value| value.starts_with('1')) {
            self.add("sslmode", "require", "PGREQUIRESSL");
        }
        if let Some(password) = &defaults.password {
            self.add("password", password.reveal(), "PGPASSWORD");
        }
    }
}

/// Whether a parameter is a secret.
pub(in crate::conninfo) fn is_secret(name: &str) -> bool {
    SECRETS.iter().any(|(secret, _)| *secret == name)
}

/// The first section with this name, and its file.
fn find<'a>(name: &str, files: &'a [ServiceFile]) -> Result<(&'a str, &'a Service), ParseProblem> {
    for file in files {
        let services = file.services.as_ref().map_err(|reason| ParseProblem::ServiceFile {
            path: file.path.clone(),
            reason: reason.clone(),
        })?;
        let Some(service) = services.iter().find(|service| service.name == name) else {
            continue;
        };
        return match &service.mistake {
            Some(mistake) => Err(ParseProblem::ServiceLine {
                path: file.path.clone(),
                line: mistake.line,
                sentence: mistake.sentence.clone(),
            }),
            None => Ok((&file.path, service)),
        };
    }
    Err(ParseProblem::NoService {
        name: shown(name),
        files: files.iter().map(|file| file.path.clone()).collect(),
    })
}
