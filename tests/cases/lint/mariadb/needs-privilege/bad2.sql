SET GLOBAL max_connections = 5;
