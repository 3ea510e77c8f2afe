//! `replaces` of an entry: a list of migrations, each by its name or by the list of its names.

use std::ops::Range;

use granit_parser::Event;

use super::Reader;
use crate::id::MigrationId;
use crate::migration::Former;

impl Reader<'_> {
    /// A list of migrations; one that had several names is a list of them.
    pub(super) fn formers(&mut self, formers: &mut Vec<Former>) -> usize {
        while let Some((event, span)) = self.next() {
            match event {
                Event::SequenceEnd => return span.end,
                Event::Scalar(text, _, 0, None) => formers.extend(self.id(&text, span).map(Former::from)),
                Event::SequenceStart(_, 0, None) => formers.extend(self.former(&span)),
                _ => self.no_id(span),
            }
        }
        self.text.len()
    }

    fn former(&mut self, start: &Range<usize>) -> Option<Former> {
        let mut names: Vec<MigrationId> = Vec::new();
        while let Some((event, span)) = self.next() {
            match event {
                Event::SequenceEnd => break,
                Event::Scalar(text, _, 0, None) => names.extend(self.id(&text, span)),
                _ => self.no_id(span),
            }
        }
        if names.is_empty() {
            self.fault(start.clone(), "a migration has a name", "write `namespace::name`");
            return None;
        }
        let newest = names.remove(0);
        Some(Former::new(newest, names))
    }

    fn id(&mut self, text: &str, span: Range<usize>) -> Option<MigrationId> {
        match text.parse() {
            Ok(id) => Some(id),
            Err(error) => {
                let fault = format!("this is no migration's id: {error}");
                self.fault(span, fault, "write `namespace::name`");
                None
            }
        }
    }

    fn no_id(&mut self, span: Range<usize>) {
        self.at -= 1;
        self.skip_value();
        self.fault(span, "`replaces` is a list of ids", "write `[namespace::name]`");
    }
}
