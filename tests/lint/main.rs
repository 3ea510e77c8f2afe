//! The linter on its corpus, and its pages.

mod corpus;
mod pages;
mod speed;
mod world;
