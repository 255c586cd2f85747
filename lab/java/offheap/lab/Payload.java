package offheap.lab;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/** What each leaked loader of {@link ClassLoaders} defines: a class of ordinary size. */
public final class Payload {
    private final Map<String, String> orders = new HashMap<>(2);
    private int served;
    private long lastNanos;

    public String describe(String customer) {
        return "customer " + customer.toUpperCase(Locale.ROOT) + " has the orders " + orders + ", served " + served;
    }

    public void take(String order, String article) {
        if (order == null || article == null) {
            throw new IllegalArgumentException("an order has a number and an article");
        }
        orders.put(order.trim(), article.trim());
        served++;
        lastNanos = System.nanoTime();
    }

    public boolean cancel(String order) {
        return orders.remove(order) != null;
    }

    public double minutesIdle() {
        return (System.nanoTime() - lastNanos) / 60e9;
    }

    public int weigh() {
        int weight = 0;
        for (Map.Entry<String, String> entry : orders.entrySet()) {
            weight += entry.getKey().length() * 31 + entry.getValue().hashCode();
        }
        return weight;
    }
}
