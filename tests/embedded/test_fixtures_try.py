import pytest
from django.db import connection
@pytest.mark.django_db(transaction=True)
def test_db(): 
    with connection.cursor() as c:
        c.execute("select current_user, current_database(), current_schema(), version()"); print(c.fetchone())
        c.execute("create table mail.t(x int)")
        c.execute("drop table mail.t")
        c.execute("select tablename from pg_tables where schemaname='mail'"); print(c.fetchall())
@pytest.mark.django_db
def test_db2():
    with connection.cursor() as c:
        c.execute("select 1")
def test_redis(redis_client, servers):
    redis_client.set(servers.key_prefix+"x", 1); print(redis_client.info()["redis_version"])
def test_process(service):
    p=service.start_program(["/bin/sh","-c","echo '{\"message\":\"hello\",\"level\":\"info\"}'; sleep 100"], name="sh")
    print(p.wait_for_log("hello")); 
def test_pure(): pass
