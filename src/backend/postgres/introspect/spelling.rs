//! One spelling for what the server spells in two ways.
//!
//! `status IN ('a', 'b')` on a `varchar` column is kept as an array that is cast, and written
//! `(ARRAY['a'::character varying, …])::text[]`. Read again, that text becomes an array of casts,
//! written `ARRAY[('a'::character varying)::text, …]`: the same, but a schema that was made from its
//! own dump would not be equal to the first. Here the first form becomes the second.

/// The text with each array that is cast as a whole written as an array of casts.
///
/// For SQL as the server writes it: strings with doubled quotes, no comments, no dollar quotes.
pub(super) fn cast_elements(sql: &str) -> String {
    const START: &str = "(ARRAY[";
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(next) = rest.chars().next() {
        if let Some(cast) = rest.strip_prefix(START).and_then(Cast::read) {
            cast.write(&mut out);
            rest = cast.rest;
        } else {
            let step = quoted(rest).unwrap_or(next.len_utf8());
            out.push_str(&rest[..step]);
            rest = &rest[step..];
        }
    }
    out
}

/// `(ARRAY[elements])::element_type[]`, and what follows.
struct Cast<'a> {
    elements: &'a str,
    element_type: &'a str,
    rest: &'a str,
}

impl<'a> Cast<'a> {
    /// From behind the opening bracket.
    fn read(text: &'a str) -> Option<Self> {
        let end = closing(text)?;
        let after = text[end..].strip_prefix("])::")?;
        let length = type_length(after);
        let rest = after[length..].strip_prefix("[]")?;
        // an array has as many dimensions as it has: the type is written with one pair of brackets
        (length > 0).then_some(Self { elements: &text[..end], element_type: &after[..length], rest })
    }

    fn write(&self, out: &mut String) {
        write_array(self.elements, self.element_type, out);
    }
}

/// `ARRAY[(element)::type, …]`, into arrays of arrays, too.
fn write_array(elements: &str, element_type: &str, out: &mut String) {
    out.push_str("ARRAY[");
    for (index, element) in split(elements).into_iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        let nested = element.strip_prefix("ARRAY[");
        if let Some(inner) = nested.filter(|inner| closing(inner) == Some(inner.len() - 1)) {
            write_array(&inner[..inner.len() - 1], element_type, out);
        } else {
            out.push('(');
            out.push_str(&cast_elements(element));
            out.push_str(")::");
            out.push_str(element_type);
        }
    }
    out.push(']');
}

/// The length of the string or quoted identifier that the text begins with.
///
/// The server escapes nothing by a backslash here, and doubles quotes.
fn quoted(text: &str) -> Option<usize> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    // a doubled quote reads as the end of one string and the start of the next
    text[1..].find(quote).map(|end| end + 2)
}

/// Where the bracket or parenthesis closes that was opened before the text.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut place = 0;
    while let Some(next) = text[place..].chars().next() {
        match next {
            '[' | '(' => depth += 1,
            ']' | ')' if depth == 0 => return Some(place),
            ']' | ')' => depth -= 1,
            _ => {}
        }
        place += quoted(&text[place..]).unwrap_or(next.len_utf8());
    }
    None
}

/// The parts between commas that stand in no bracket or parenthesis.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start, mut place) = (0_usize, 0, 0);
    while let Some(next) = text[place..].chars().next() {
        match next {
            '[' | '(' => depth += 1,
            ']' | ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(text[start..place].trim());
                start = place + 1;
            }
            _ => {}
        }
        place += quoted(&text[place..]).unwrap_or(next.len_utf8());
    }
    parts.push(text[start..].trim());
    parts
}

/// The length of the name of a type at the start of the text: words, quoted names, dots, and numbers
/// in parentheses.
fn type_length(text: &str) -> usize {
    let mut place = 0;
    let mut inside = false;
    while let Some(next) = text[place..].chars().next() {
        match next {
            '"' => {}
            '(' => inside = true,
            ')' if inside => inside = false,
            ',' if inside => {}
            '.' | '_' | ' ' | '$' if !inside => {}
            c if c.is_ascii_digit() || !inside && c.is_alphanumeric() => {}
            _ => break,
        }
        place += quoted(&text[place..]).unwrap_or(next.len_utf8());
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cast_array_becomes_an_array_of_casts() {
        assert_eq!(
            cast_elements(
                "CHECK (((kind)::text = ANY ((ARRAY['a'::character varying, 'it''s, ]'::character varying])::text[])))"
            ),
            "CHECK (((kind)::text = ANY (ARRAY[('a'::character varying)::text, ('it''s, ]'::character varying)::text])))"
        );
        assert_eq!(
            cast_elements("((ARRAY[f(1, 2), x])::numeric(8,2)[])"),
            "(ARRAY[(f(1, 2))::numeric(8,2), (x)::numeric(8,2)])"
        );
        assert_eq!(
            cast_elements("(ARRAY[ARRAY[1, 2], ARRAY[3, 4]])::bigint[]"),
            "ARRAY[ARRAY[(1)::bigint, (2)::bigint], ARRAY[(3)::bigint, (4)::bigint]]"
        );
        assert_eq!(cast_elements("(ARRAY[a])::public.\"T[]\"[] é"), "ARRAY[(a)::public.\"T[]\"] é");
    }

    #[test]
    fn the_result_stays_as_it_is() {
        let once = cast_elements(
            "x = ANY ((ARRAY['a'::character varying])::text[]) OR (ARRAY[(ARRAY[1])::bigint[]])::text[]",
        );
        assert_eq!(cast_elements(&once), once);
    }

    #[test]
    fn strings_names_and_other_casts_are_left_alone() {
        for text in [
            "DEFAULT '(ARRAY[1])::text[]'::text",
            "\"(ARRAY[1])::text[]\" integer",
            "DEFAULT E'\\\\''(ARRAY[1])::text[]'",
            "(ARRAY[1, 2])::public.numbers AND (x)::text[] IS NULL",
            "(ARRAY[1, 2])::public.numbers",
            "(ARRAY[1, 2",
            "ARRAY[1]",
            "é'",
        ] {
            assert_eq!(cast_elements(text), text);
        }
    }
}
