create extension "vector";
