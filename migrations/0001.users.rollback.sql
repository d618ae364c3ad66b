DROP TABLE users;
DROP TABLE usernames;
