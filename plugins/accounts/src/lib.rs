//! Sample plugin: accounts and their users.
