DROP TABLE [Order Lines];
