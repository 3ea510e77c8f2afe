//! `modules enable|disable` as an edit of the text: by line, so that comments, order and spelling
//! of a person survive. The result is read again and compared with the wanted value; a text that
//! is laid out in a way the edit does not understand is refused, never damaged.

use serde_json::{Map, Value};

use super::{Source, wire};
use crate::diagnostic::Diagnostic;

/// The text in which `krate` is enabled with the entry (one line of YAML; may be empty).
pub fn enable_in_text(text: &str, krate: &str, entry_yaml: &str) -> Result<String, Diagnostic> {
    let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
    let entry: Value = serde_saphyr::from_str_with_options(entry_yaml, options)
        .map_err(|error| Diagnostic::new(format!("`{entry_yaml}` is not an entry")).cause(error))?;
    let by_hand = || by_hand(krate, "enable", entry_yaml);
    let mut lines = Lines::new(text);
    lines.remove_item(krate);
    let enable = lines.child("modules", "enable").ok_or_else(by_hand)?;
    lines.put_entry(enable, krate, entry_yaml.trim());
    let wanted = |enable: &mut Map<String, Value>, disable: &mut Vec<Value>| {
        disable.retain(|name| name.as_str() != Some(krate));
        enable.insert(krate.to_owned(), entry.clone());
    };
    proved(text, lines.text(), &wanted).ok_or_else(by_hand)
}

/// The text in which `krate` is disabled.
pub fn disable_in_text(text: &str, krate: &str) -> Result<String, Diagnostic> {
    let by_hand = || by_hand(krate, "disable", "");
    let mut lines = Lines::new(text);
    lines.remove_entry(krate);
    lines.add_item(krate).ok_or_else(by_hand)?;
    let wanted = |enable: &mut Map<String, Value>, disable: &mut Vec<Value>| {
        enable.remove(krate);
        if !disable.iter().any(|name| name.as_str() == Some(krate)) {
            disable.push(krate.into());
        }
    };
    proved(text, lines.text(), &wanted).ok_or_else(by_hand)
}

fn by_hand(krate: &str, key: &str, entry: &str) -> Diagnostic {
    let line = if key == "enable" { format!("{krate}: {entry}") } else { format!("- {krate}") };
    Diagnostic::new("`modules` is written in a way that cannot be edited safely")
        .help(format!("add `{}` under `modules: {key}:` by hand", line.trim_end()))
}

type Change<'a> = &'a dyn Fn(&mut Map<String, Value>, &mut Vec<Value>);

/// The new text, if it says what the old one said with the change and nothing else.
fn proved(old: &str, new: String, change: Change<'_>) -> Option<String> {
    let mut wanted = parts(old)?;
    change(&mut wanted.enable, &mut wanted.disable);
    // a text can say twice what a map of values says once: the configuration's own reader has a say, too
    let source = Source { path: String::new(), text: new.as_str().into() };
    (parts(&new)? == wanted && wire::read(&source, &new).is_ok()).then_some(new)
}

/// What a text says; what is empty counts as absent.
#[derive(PartialEq)]
struct Parts {
    /// All but the two lists.
    rest: Map<String, Value>,
    enable: Map<String, Value>,
    disable: Vec<Value>,
}

fn parts(text: &str) -> Option<Parts> {
    let options = serde_saphyr::options! { strict_booleans: true };
    let root: Option<Map<String, Value>> = serde_saphyr::from_str_with_options(text, options).ok()?;
    let mut rest = root.unwrap_or_default();
    rest.retain(|_, value| !value.is_null());
    let mut modules = match rest.remove("modules") {
        None => Map::new(),
        Some(Value::Object(modules)) => modules,
        Some(_) => return None,
    };
    let enable = match modules.remove("enable") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(enable)) => enable,
        Some(_) => return None,
    };
    let disable = match modules.remove("disable") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(disable)) => disable,
        Some(_) => return None,
    };
    if !modules.is_empty() {
        rest.insert("modules".to_owned(), Value::Object(modules));
    }
    Some(Parts { rest, enable, disable })
}

/// The lines of the file, without their ends.
struct Lines {
    lines: Vec<String>,
    end: &'static str,
}

impl Lines {
    fn new(text: &str) -> Self {
        let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
        Self { lines: text.lines().map(str::to_owned).collect(), end }
    }

    fn text(self) -> String {
        self.lines.into_iter().flat_map(|line| [line, self.end.to_owned()]).collect()
    }

    /// The line of a key among the lines from `start`, while they are indented by `indent` or more.
    fn find(&self, start: usize, indent: usize, key: &str) -> Option<usize> {
        let end = self.end_of(start, indent);
        (start..end).find(|at| indent_of(&self.lines[*at]) == Some(indent) && is_key(&self.lines[*at], key))
    }

    /// The first line after `start` that is content with less indentation.
    fn end_of(&self, start: usize, indent: usize) -> usize {
        let less = |line: &String| indent_of(line).is_some_and(|found| found < indent);
        self.lines[start..].iter().position(less).map_or(self.lines.len(), |at| start + at)
    }

    /// The end of the block under the key at `at`, without the blank and comment lines after it.
    fn block_end(&self, at: usize) -> usize {
        let indent = indent_of(&self.lines[at]).unwrap_or(0);
        let mut end = self.end_of(at + 1, indent + 1);
        // a block list may stand at the indentation of its key
        while end < self.lines.len()
            && indent_of(&self.lines[end]) == Some(indent)
            && self.lines[end].trim_start().starts_with("- ")
        {
            end += 1;
        }
        while end > at + 1 && indent_of(&self.lines[end - 1]).is_none() {
            end -= 1;
        }
        end
    }

    /// The indentation of what stands under the key at `at`.
    fn child_indent(&self, at: usize) -> usize {
        let block = &self.lines[at + 1..self.block_end(at)];
        block.iter().find_map(|line| indent_of(line)).unwrap_or(indent_of(&self.lines[at]).unwrap_or(0) + 2)
    }

    /// The line of `parent: child:`; both are made where they are missing. `None` = flow style.
    fn child(&mut self, parent: &str, child: &str) -> Option<usize> {
        let at = self.find(0, 0, parent).unwrap_or_else(|| {
            self.lines.push(format!("{parent}:"));
            self.lines.len() - 1
        });
        self.open(at)?;
        let indent = self.child_indent(at);
        let at = self.find(at + 1, indent, child).unwrap_or_else(|| {
            let end = self.block_end(at);
            self.lines.insert(end, format!("{}{child}:", " ".repeat(indent)));
            end
        });
        self.open(at)?;
        Some(at)
    }

    /// Makes `key:` of `key: {}`, `key: []` and `key: null`; `None` when the key has another value.
    fn open(&mut self, at: usize) -> Option<()> {
        let (key, rest) = self.lines[at].split_once(':')?;
        let (value, comment) =
            rest.split_once(" #").map_or((rest, None), |(value, rest)| (value, Some(rest)));
        match value.trim() {
            "" => {}
            "{}" | "[]" | "null" | "~" => {
                let comment = comment.map(|comment| format!(" #{comment}")).unwrap_or_default();
                self.lines[at] = format!("{key}:{comment}");
            }
            _ => return None,
        }
        Some(())
    }

    fn put_entry(&mut self, enable: usize, krate: &str, entry: &str) {
        let indent = self.child_indent(enable);
        let line = format!("{}{}: {entry}", " ".repeat(indent), quoted(krate)).trim_end().to_owned();
        if let Some(at) = self.find(enable + 1, indent, krate) {
            let end = self.block_end(at);
            self.lines.splice(at..end, [line]);
        } else {
            let end = self.block_end(enable);
            self.lines.insert(end, line);
        }
    }

    fn remove_entry(&mut self, krate: &str) {
        let Some(modules) = self.find(0, 0, "modules") else { return };
        let Some(enable) = self.find(modules + 1, self.child_indent(modules), "enable") else { return };
        let Some(at) = self.find(enable + 1, self.child_indent(enable), krate) else { return };
        let end = self.block_end(at);
        self.lines.drain(at..end);
    }

    fn remove_item(&mut self, krate: &str) {
        let Some(modules) = self.find(0, 0, "modules") else { return };
        let Some(disable) = self.find(modules + 1, self.child_indent(modules), "disable") else { return };
        if let Some((before, items, after)) = flow(&self.lines[disable]) {
            let kept: Vec<_> = items.into_iter().filter(|item| unquoted(item) != krate).collect();
            self.lines[disable] = format!("{before}[{}]{after}", kept.join(", "));
            return;
        }
        let end = self.block_end(disable);
        let item = (disable + 1..end).find(|at| is_item(&self.lines[*at], krate));
        if let Some(at) = item {
            self.lines.remove(at);
        }
    }

    fn add_item(&mut self, krate: &str) -> Option<()> {
        let modules = self.find(0, 0, "modules");
        let disable =
            modules.and_then(|modules| self.find(modules + 1, self.child_indent(modules), "disable"));
        if let Some((at, (before, mut items, after))) =
            disable.and_then(|at| Some((at, flow(&self.lines[at])?)))
        {
            if !items.iter().any(|item| unquoted(item) == krate) {
                items.push(quoted(krate));
                self.lines[at] = format!("{before}[{}]{after}", items.join(", "));
            }
            return Some(());
        }
        let at = self.child("modules", "disable")?;
        let end = self.block_end(at);
        if !(at + 1..end).any(|line| is_item(&self.lines[line], krate)) {
            let indent = self.child_indent(at);
            self.lines.insert(end, format!("{}- {}", " ".repeat(indent), quoted(krate)));
        }
        Some(())
    }
}

/// The indentation of a line with content.
fn indent_of(line: &str) -> Option<usize> {
    let content = line.trim_start_matches(' ');
    (!content.trim().is_empty() && !content.starts_with('#')).then(|| line.len() - content.len())
}

fn is_key(line: &str, key: &str) -> bool {
    let name = line.split_once(": ").map(|(name, _)| name).or_else(|| line.trim_end().strip_suffix(':'));
    name.is_some_and(|name| unquoted(name) == key)
}

fn is_item(line: &str, name: &str) -> bool {
    let item = line.trim_start().strip_prefix("- ").map(|item| item.split(" #").next().unwrap_or(item));
    item.is_some_and(|item| unquoted(item) == name)
}

/// A one-line flow list: what stands before it, its items, what stands after it.
fn flow(line: &str) -> Option<(String, Vec<String>, String)> {
    let (before, rest) = line.split_once('[')?;
    let (items, after) = rest.split_once(']')?;
    let items = items.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty());
    before.trim_end().ends_with(':').then(|| (before.to_owned(), items.collect(), after.to_owned()))
}

fn unquoted(text: &str) -> &str {
    let text = text.trim();
    let inner = |quote| text.strip_prefix(quote).and_then(|rest: &str| rest.strip_suffix(quote));
    inner('"').or_else(|| inner('\'')).unwrap_or(text)
}

fn quoted(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        && !matches!(name, "null" | "true" | "false" | "yes" | "no" | "on" | "off");
    if plain { name.to_owned() } else { Value::from(name).to_string() }
}
