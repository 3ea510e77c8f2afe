//! Diagnostics with code frames, progress while a run lasts, and tables.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use comfy_table::{Cell, CellAlignment, Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{clean, count};
use crate::database::Holder;
use crate::diagnostic::Diagnostic;
use crate::event::{Event, Sink};
use crate::id::is_deceptive;

/// How much a diagnostic weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// It stops.
    Error,
    /// It should be looked at.
    Warning,
}

/// A diagnostic as text, with code frames.
pub fn render(diagnostic: &Diagnostic, weight: Weight, styled: bool) -> String {
    render_coded(diagnostic, weight, styled, None)
}

/// The same with the name of a rule in brackets.
pub fn render_coded(diagnostic: &Diagnostic, weight: Weight, styled: bool, code: Option<&str>) -> String {
    if diagnostic.frames.is_empty() {
        return render_plainly(diagnostic, weight, styled);
    }
    let level = match weight {
        Weight::Error => Level::ERROR,
        Weight::Warning => Level::WARNING,
    };
    let title = level.primary_title(clean(&diagnostic.message));
    let mut group = Group::with_title(match code {
        Some(code) => title.id(code),
        None => title,
    });
    for frame in &diagnostic.frames {
        let (source, span) = window(&frame.source, &frame.span);
        let first_line = frame.source[..source.start].matches('\n').count() + 1 + frame.lines_before;
        let annotation = AnnotationKind::Primary.span(span).label(clean(&frame.label));
        group = group.element(
            Snippet::source(printable(&frame.source[source]))
                .path(clean(&frame.path))
                .line_start(first_line)
                .annotation(annotation),
        );
    }
    let causes =
        diagnostic.causes.iter().map(|cause| Level::NOTE.with_name("caused by").message(clean(cause)));
    let notes = diagnostic.notes.iter().map(|note| Level::NOTE.message(clean(note)));
    let help = diagnostic.help.iter().map(|help| Level::HELP.message(clean(help)));
    let group = group.elements(causes).elements(notes).elements(help);
    let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&[group])
}

/// Without a place there is nothing to frame: one line for each thing.
fn render_plainly(diagnostic: &Diagnostic, weight: Weight, styled: bool) -> String {
    let (word, colour) = match weight {
        Weight::Error => ("error", "\u{1b}[1;91m"),
        Weight::Warning => ("warning", "\u{1b}[1;33m"),
    };
    let (on, off) = if styled { (colour, "\u{1b}[0m") } else { ("", "") };
    let mut text = format!("{on}{word}{off}: {}", clean(&diagnostic.message));
    let lines = diagnostic.causes.iter().map(|line| ("caused by", line));
    let lines = lines.chain(diagnostic.notes.iter().map(|line| ("note", line)));
    for (what, line) in lines.chain(diagnostic.help.iter().map(|line| ("help", line))) {
        let _ = write!(text, "\n  {what}: {}", clean(line).replace('\n', "\n    "));
    }
    text
}

/// The lines around a span, and the span within them: a file of 30 MB is not shown whole.
fn window(text: &str, span: &std::ops::Range<usize>) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
    let start = boundary(text, span.start);
    let limit = boundary(text, span.end.clamp(start, start + 400));
    let end = text[start..limit].match_indices('\n').nth(5).map_or(limit, |(at, _)| start + at);
    let first = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let first = text[..first.saturating_sub(1)]
        .rfind('\n')
        .map_or(first.min(first), |at| at + 1)
        .max(boundary(text, first.saturating_sub(200)));
    let last = text[end..].find('\n').map_or(text.len(), |at| end + at);
    (first..last, start - first..end - first)
}

fn boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Control characters of a source become a visible stand-in of the same length in bytes, so that
/// spans stay right.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c.to_string(),
            c if c.is_control() && c.len_utf8() == 1 => "?".to_owned(),
            c if c.is_control() || is_deceptive(c) => "?".repeat(c.len_utf8()),
            c => c.to_string(),
        })
        .collect()
}

/// Prints a diagnostic on standard error.
pub fn print(diagnostic: &Diagnostic, weight: Weight) {
    let _ = writeln!(anstream::stderr(), "{}\n", render(diagnostic, weight, true));
}

/// Prints diagnostics on standard error.
pub fn print_errors(diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        print(diagnostic, Weight::Error);
    }
}

/// Prints a line on standard output.
pub fn line(text: &str) {
    let _ = writeln!(anstream::stdout(), "{}", clean(text));
}

/// Prints lines on standard output; what a terminal would act on is escaped.
pub fn text(text: &str) {
    for one in text.split_terminator('\n') {
        line(one);
    }
}

/// Prints a text on standard output as it is.
pub fn raw(text: &str) {
    let _ = anstream::stdout().write_all(text.as_bytes());
}

/// The same; whether all of it was taken.
pub fn raw_whole(text: &str) -> std::io::Result<()> {
    let mut out = anstream::stdout();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Prints a text on standard error as it is.
pub fn raw_note(text: &str) {
    let _ = anstream::stderr().write_all(text.as_bytes());
}

/// Prints a remark on standard error.
pub fn note(text: &str) {
    let _ = writeln!(anstream::stderr(), "{}", clean(text));
}

/// Lays out rows below a head; columns named in `right` are right-aligned.
pub fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>, right: &[usize]) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(head.iter().map(|text| Cell::new(text.to_uppercase())));
    for row in rows {
        table.add_row(row.iter().map(|text| clean(text)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    for index in right {
        if let Some(column) = table.column_mut(*index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for text in table.lines() {
        line(text.trim_end());
    }
}

/// Shows a run as it goes, on standard error; a bar only on a terminal.
pub struct Reporter {
    bar: ProgressBar,
    /// It may be drawn, once there is something to count.
    draws: bool,
    quiet: bool,
}

impl Reporter {
    /// A reporter; a quiet one shows warnings only.
    pub fn new(quiet: bool) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        Self { bar, draws: std::io::stderr().is_terminal() && !quiet, quiet }
    }

    fn say(&self, text: &str) {
        if !self.quiet {
            self.bar.suspend(|| note(text));
        }
    }

    fn bar(&self, what: &str, total: usize) {
        if self.draws {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.reset();
        self.bar.set_length(u64::try_from(total).unwrap_or(u64::MAX));
        if let Ok(style) =
            ProgressStyle::with_template("{prefix} [{bar:30}] {pos}/{len} {elapsed} {wide_msg}")
        {
            self.bar.set_style(style.progress_chars("=> "));
        }
        self.bar.set_prefix(what.to_owned());
    }
}

impl Sink for Reporter {
    fn tell(&mut self, event: Event) {
        match event {
            Event::Connected(server) => self.say(&format!("{} at {}", server.title(), server.address)),
            Event::Warned(diagnostic) => self.bar.suspend(|| print(&diagnostic, Weight::Warning)),
            Event::Noted(text) => self.say(&format!("note: {text}")),
            Event::GuardWaited { holder, limit } => {
                self.say(&format!("waiting up to {limit} s for {}", holder_text(holder.as_ref())));
            }
            Event::TriedAgain { why, wait, number, most } => self.say(&format!(
                "note: {why}; what was open is rolled back, and tried again in {:.1} s ({number} of {most})",
                wait.as_secs_f64()
            )),
            Event::ReplayStarted { total } => {
                self.say(&format!(
                    "replaying {} on an empty database",
                    count(total, "migration", "migrations")
                ));
            }
            Event::DeclaredStarted { texts, migrations } => {
                let replayed = match migrations {
                    0 => String::new(),
                    n => format!(", after {}", count(n, "migration", "migrations")),
                };
                let texts = count(texts, "declared text", "declared texts");
                self.say(&format!("loading {texts} into an empty database{replayed}"));
            }
            Event::RehearsalStarted { total } => {
                self.say(&format!(
                    "rehearsing {} on a scratch database with the live schema",
                    count(total, "migration", "migrations")
                ));
            }
            Event::ProofStarted { total } => self.say(&format!(
                "trying {} on a scratch database: up, down, up",
                count(total, "migration", "migrations")
            )),
            Event::Undone { id } => self.say(&format!("undone {id}")),
            Event::RunStarted { total } => self.bar("migrating", total),
            Event::StepStarted { id, number, .. } => {
                self.bar.set_position(u64::try_from(number).unwrap_or(u64::MAX).saturating_sub(1));
                self.bar.set_message(clean(id.as_str()));
                self.bar.tick();
            }
            Event::CatchUpStarted { id } => {
                self.bar.set_message(format!("catching up {}", clean(id.as_str())));
            }
            Event::CaughtUp { .. } => self.bar.set_message(""),
            Event::StatementTimed { id, number, duration, text } => {
                let milliseconds = duration.as_secs_f64() * 1000.0;
                self.say(&format!("{milliseconds:>10.1} ms  {id} statement {number}: {text}"));
            }
            Event::StepFinished { .. } => self.bar.inc(1),
            Event::CheckStarted => self.bar.set_message("checking the schema"),
            Event::CommitStarted => self.bar.set_message("committing"),
            Event::Committed => self.bar.finish_and_clear(),
            Event::Written { path } => self.say(&format!("wrote {path}")),
            Event::MaintenanceOn { place, left: None } => {
                self.say(&format!("maintenance mode is on ({place})"));
            }
            Event::MaintenanceOn { left: Some(who), .. } => {
                self.say(&format!("note: maintenance mode is on already, {who}: this run leaves it so"));
            }
            Event::MaintenanceOff => self.say("maintenance mode is off"),
            Event::MaintenanceKept => self.say("maintenance mode stays on"),
        }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Who has the guard, in words.
pub fn holder_text(holder: Option<&Holder>) -> String {
    let Some(holder) = holder else { return "another run".to_owned() };
    let since = holder.since.as_ref().map(|since| format!(" since {since}")).unwrap_or_default();
    let query = holder.query_line().map(|query| format!("; it runs: {query}")).unwrap_or_default();
    let remedy = holder.remedy.as_ref().map(|remedy| format!("; to end it: {remedy}")).unwrap_or_default();
    format!("{}{since}{query}{remedy}", holder.who)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Frame;

    #[test]
    fn a_holder_is_one_line() {
        let query = Some("select\n\t1;\n;\n".to_owned());
        let holder = Holder { who: "p".to_owned(), query, ..Holder::default() };
        assert_eq!(holder_text(Some(&holder)), "p; it runs: select 1");
    }

    #[test]
    fn a_frame_shows_the_lines_around() {
        let source = "one\ntwo\nthree four\nfive\n";
        let frame = Frame::new("a.sql", source, 14..18).label("here");
        let text = render(&Diagnostic::new("it failed").frame(frame).help("mend it"), Weight::Error, false);
        insta::assert_snapshot!(text, @r"
        error: it failed
         --> a.sql:3:7
          |
        3 | three four
          |       ^^^^ here
          |
          = help: mend it
        ");
    }

    #[test]
    fn any_span_of_any_text_can_be_shown() {
        let source = "a\u{1b}ä\n\n\u{202e}xyz\nlong ".repeat(50);
        for start in 0..source.len() {
            let frame = Frame::new("a", source.as_str(), start..start + 700);
            let text = render(&Diagnostic::new("x").frame(frame), Weight::Error, false);
            assert!(!text.contains('\u{1b}'));
        }
    }
}
