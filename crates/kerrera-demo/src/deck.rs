//! Chance at a fixed rate.

use fastrand::Rng;

/// Deals `count` cards from shuffled decks, one deck after the other.
///
/// A deck says how often each card is in it, so every card comes at exactly its rate; the seed
/// decides only when.
pub(crate) fn deal<T: Copy>(random: &mut Rng, deck: &[(usize, T)], count: usize) -> Vec<T> {
    let mut cards: Vec<T> =
        deck.iter().flat_map(|&(times, card)| std::iter::repeat_n(card, times)).collect();
    let mut dealt = Vec::with_capacity(count);
    while dealt.len() < count && !cards.is_empty() {
        random.shuffle(&mut cards);
        dealt.extend(cards.iter().copied().take(count - dealt.len()));
    }
    dealt
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECK: [(usize, char); 2] = [(3, 'a'), (1, 'b')];

    #[test]
    fn every_card_comes_at_its_rate() {
        let dealt = deal(&mut Rng::with_seed(1), &DECK, 40);
        assert_eq!(dealt.len(), 40);
        assert_eq!(dealt.iter().filter(|card| **card == 'b').count(), 10);
        assert_eq!(deal(&mut Rng::with_seed(1), &DECK, 6).len(), 6);
    }

    #[test]
    fn the_seed_decides() {
        let dealt = |seed| deal(&mut Rng::with_seed(seed), &DECK, 40);
        assert_eq!(dealt(7), dealt(7));
        assert_ne!(dealt(7), dealt(8));
    }
}
