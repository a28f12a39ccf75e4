//! `ui/bindings.d.ts`: the types of [`super::model`] for the pages, whose JSDoc names them. One file, checked for
//! staleness by the test; `ORGX_UPDATE_BINDINGS=1` writes it anew.

use super::model;
use std::any::TypeId;
use std::collections::BTreeMap;
use ts_rs::{Config, TS, TypeVisitor};

/// What the window gets, what its commands take, and what they may answer.
fn render() -> String {
    let mut found = Found { config: Config::default(), types: BTreeMap::new(), seen: Vec::new() };
    found.visit::<model::WindowState>();
    found.visit::<model::Setting>();
    found.visit::<model::Quit>();
    found.visit::<model::Say>();
    found.visit::<model::Failure>();
    let head = "// Made from src-tauri/src/view/model.rs by `ORGX_UPDATE_BINDINGS=1 cargo test -p orgx-tray bindings`.\n";
    let types: Vec<String> = found.types.into_values().collect();
    format!("{head}\n{}", types.join("\n"))
}

struct Found {
    config: Config,
    types: BTreeMap<String, String>,
    seen: Vec<TypeId>,
}

impl TypeVisitor for Found {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if self.seen.contains(&TypeId::of::<T>()) {
            return;
        }
        self.seen.push(TypeId::of::<T>());
        // Only types of ours have a file of their own.
        if T::output_path().is_some() {
            let docs = T::docs().unwrap_or_default();
            let text = format!("{docs}export {}\n", T::decl(&self.config));
            self.types.insert(T::ident(&self.config), text);
        }
        T::visit_dependencies(self);
        T::visit_generics(self);
    }
}

#[test]
fn bindings_are_current() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/bindings.d.ts");
    let now = render();
    if std::env::var_os("ORGX_UPDATE_BINDINGS").is_some() {
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        std::fs::write(&file, &now).expect("written");
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(kept == now, "ui/bindings.d.ts is stale: run with ORGX_UPDATE_BINDINGS=1");
}
