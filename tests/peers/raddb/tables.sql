-- A site's groups in FreeRADIUS's own schema: production, and the quarantine that Firebreak uses.
DELETE FROM radcheck;
DELETE FROM radreply;
DELETE FROM radusergroup;
DELETE FROM radgroupcheck;
DELETE FROM radgroupreply;
INSERT INTO radgroupreply (groupname, attribute, op, value) VALUES
  ('production', 'Tunnel-Type', ':=', 'VLAN'),
  ('production', 'Tunnel-Medium-Type', ':=', 'IEEE-802'),
  ('production', 'Tunnel-Private-Group-Id', ':=', '10'),
  ('firebreak-quarantine-666', 'Tunnel-Type', ':=', 'VLAN'),
  ('firebreak-quarantine-666', 'Tunnel-Medium-Type', ':=', 'IEEE-802'),
  ('firebreak-quarantine-666', 'Tunnel-Private-Group-Id', ':=', '666');
