DROP TABLE spent_assertions;
DROP TABLE clients;
DROP TABLE resources;
