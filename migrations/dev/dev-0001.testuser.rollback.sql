DELETE FROM users WHERE id = '7e57ab1e-0000-4000-8000-000000000001';
DELETE FROM usernames WHERE username = 'testuser' AND NOT EXISTS (SELECT FROM users WHERE users.username = 'testuser');
