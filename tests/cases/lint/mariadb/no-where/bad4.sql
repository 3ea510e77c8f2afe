DELETE u FROM users u;
