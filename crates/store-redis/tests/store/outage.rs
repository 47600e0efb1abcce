//! Servers that fail: nothing is lost, nothing hangs, and nobody has to restart the application.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use clerk_gate_core::webhook::{Begin, Store};
use clerk_gate_store_redis::RedisStore;

use super::server::Server;
use super::{at, begin, chain, delivery};

#[tokio::test]
async fn a_killed_server_makes_transient_errors_until_it_is_back() {
    let mut server = Server::start("killed");
    let store = RedisStore::connect(&server.address("right")).await.unwrap();
    let handled = begin(&store, "handled").await.unwrap();
    store.finish(&handled, at(1)).await.unwrap();
    let lease = begin(&store, "leased").await.unwrap();

    for _ in 0..3 {
        server.kill();
        for _ in 0..3 {
            assert!(begin(&store, "new").await.unwrap_err().is_transient());
            assert!(
                store
                    .release(&lease, "", at(1))
                    .await
                    .unwrap_err()
                    .is_transient()
            );
            assert!(store.unfinished(1).await.unwrap_err().is_transient());
        }
        server.restart();
        let again = store.begin(&delivery("handled"), 60, at(2)).await;
        assert_eq!(again.unwrap(), Begin::Done);
    }
    let again = store.begin(&delivery("leased"), 60, at(2)).await.unwrap();
    assert_eq!(again, Begin::Busy { until: at(60) });
    store.finish(&lease, at(2)).await.unwrap();
}

#[tokio::test]
async fn a_server_that_hangs_is_an_error_and_then_forgotten() {
    let server = Server::start("hanging");
    let limit = Duration::from_millis(200);
    let store = RedisStore::connect(&server.address("right")).await.unwrap();
    let store = store.with_time_limit(limit);
    begin(&store, "before").await.unwrap();

    server.signal("STOP");
    let error = begin(&store, "meanwhile").await.unwrap_err();
    assert!(error.is_transient());
    assert!(
        chain(&error).contains("no answer within 200ms"),
        "{error:?}"
    );
    let error = store.unfinished(1).await.unwrap_err();
    assert!(error.is_transient());

    server.signal("CONT");
    let store = store.with_time_limit(Duration::from_secs(60));
    begin(&store, "after").await.unwrap();
}

#[tokio::test]
async fn a_wrong_setting_is_permanent_and_no_message_has_the_password() {
    async fn check(address: &str, is_transient: bool) {
        let error = RedisStore::connect(address).await.unwrap_err();
        let chain = chain(&error);
        assert_eq!(error.is_transient(), is_transient, "{chain}");
        assert!(!chain.contains("s3cret"), "{chain}");
    }
    let server = Server::start("refusing");
    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = nobody.local_addr().unwrap().port();
    // It listens and never says a word.
    check(&format!("redis://:s3cret@127.0.0.1:{port}"), true).await;
    drop(nobody);
    check(&format!("redis://:s3cret@127.0.0.1:{port}"), true).await;
    check(&server.address("s3cret"), false).await;
    check("redis://:s3cret@127.0.0.1:port", false).await;
    check("https://:s3cret@127.0.0.1", false).await;
    check(":s3cret@127.0.0.1", false).await;
    check("", false).await;
}

#[tokio::test]
async fn a_store_shows_neither_password_nor_address() {
    let server = Server::start("shown");
    let store = RedisStore::connect(&server.address("right")).await.unwrap();
    let shown = "RedisStore { prefix: \"clerk-gate:\", retention: 604800, .. }";
    assert_eq!(format!("{store:?}"), shown);
}
