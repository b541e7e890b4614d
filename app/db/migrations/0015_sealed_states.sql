-- States of our own flow are sealed now, and stored when an install was finished with them. Those handed out before are
-- refused for the ten minutes that they would have lived.
delete from oauth_states where flow = 'own' and used_at is null;
